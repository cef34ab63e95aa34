-- A password is found by its digest alone, so that a bearer needs no login and a wrong password costs the same for every
-- login, whether it exists or not. Two logins may have the same password: one of them was given from outside.
ALTER TABLE credentials
    ADD COLUMN uuid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    ADD COLUMN permissions text[],  -- fewer than those of the role; null is all of them
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN last_used_from text;

CREATE INDEX credentials_digest ON credentials (digest);
