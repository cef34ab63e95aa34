-- Keys of this store that never leave it, such as the one under which application passwords are digested.
CREATE TABLE store_keys (
    name text PRIMARY KEY,
    secret bytea NOT NULL
);

-- Application passwords. A login may have several, each with a name of its own.
CREATE TABLE credentials (
    login text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (login, name)
);
