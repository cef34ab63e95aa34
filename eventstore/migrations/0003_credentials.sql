-- Keys of this store that never leave it, such as the one under which application passwords are digested.
CREATE TABLE store_keys (
    name text PRIMARY KEY,
    secret bytea NOT NULL
);

CREATE TABLE credentials (
    id bigserial PRIMARY KEY,
    login text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    digest bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz
);

CREATE INDEX credentials_login_idx ON credentials (login);
