-- When figures were last compared with the events, and of how many customers: one row, or none yet.
CREATE TABLE verifications (
    is_last boolean PRIMARY KEY DEFAULT true CHECK (is_last),
    checked_at timestamptz NOT NULL,
    checked bigint NOT NULL
);

-- Whose stored figures were not what the events give when they were last looked at, or could not be told. Ids only.
CREATE TABLE drift (
    customer_id bigint PRIMARY KEY,
    is_unverified boolean NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
