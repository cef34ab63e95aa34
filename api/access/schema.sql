-- Access: who may use the store, and how often.

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
    digest bytea NOT NULL,  -- of the password, under a key in store_keys
    created_at timestamptz NOT NULL DEFAULT now(),
    uuid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    permissions text[],     -- fewer than the role's; null for all of them
    last_used_at timestamptz,
    last_used_from text,    -- an IP address
    PRIMARY KEY (login, name)
);

-- A password is found by its digest alone, so that a bearer needs no login and a wrong password costs the same for
-- every login, whether it exists or not. It is not unique: two logins may have been given the same password from
-- outside.
CREATE INDEX credentials_digest ON credentials (digest);

-- Wrong passwords, counted by where they came from and by login. Unlogged: after a crash everybody may begin anew.
CREATE UNLOGGED TABLE login_failures (
    key bytea PRIMARY KEY,            -- a keyed digest, so that nothing that a stranger has sent is stored
    level double precision NOT NULL,  -- how many counted at `at`; time makes it less
    at timestamptz NOT NULL
);

-- How much of its rate each credential has used up. Unlogged: after a crash everybody begins anew, and no request waits
-- for a disk.
CREATE UNLOGGED TABLE rate_limits (
    credential uuid PRIMARY KEY,
    spent_until timestamptz NOT NULL,  -- the end of the time that its requests would fill, were they evenly spread
    taken integer NOT NULL             -- requests that the last statement let through
) WITH (fillfactor = 50);

-- Browsers that have signed in to the console. A session ends with the credential that it was begun with.
CREATE TABLE sessions (
    digest bytea PRIMARY KEY,  -- of the token in the browser's cookie, under a key in store_keys
    credential uuid NOT NULL REFERENCES credentials (uuid) ON DELETE CASCADE,
    began_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    user_agent text NOT NULL,
    sent_from text NOT NULL    -- an IP address
);
CREATE INDEX sessions_credential ON sessions (credential);

-- Links that sign a browser in once.
CREATE TABLE sign_in_links (
    digest bytea PRIMARY KEY,  -- of the token in the link, under a key in store_keys
    credential uuid NOT NULL REFERENCES credentials (uuid) ON DELETE CASCADE,
    made_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_links_credential ON sign_in_links (credential);
