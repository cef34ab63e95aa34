-- Relays to other systems: how far each is, for those who watch. Where it resumes, the other system says, not this.

CREATE TABLE relays (
    name text PRIMARY KEY,     -- the servers and the stream, without credentials
    position bigint NOT NULL,  -- of the last event sent
    problem text,              -- why it has stopped until somebody chooses
    reported_at timestamptz NOT NULL
);
