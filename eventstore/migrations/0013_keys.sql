-- Names of the master keys that wrap the keys of streams, never the keys themselves. New keys are wrapped by the current.
CREATE TABLE master_keys (
    id text PRIMARY KEY,
    is_current boolean NOT NULL,
    known_since timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX master_keys_current_idx ON master_keys (is_current) WHERE is_current;

-- Keys of the streams that hold personal data, each wrapped by a master key. Whoever destroys one has erased what is
-- sealed with it: the row stays, so that what is erased can be told from what is lost. A user that comes back has another.
CREATE TABLE stream_keys (
    originator_id uuid NOT NULL,
    since bigint NOT NULL,    -- the first version that is sealed with it
    until bigint,             -- the first that is not any more
    master_id text NOT NULL,
    wrapped bytea,            -- NULL is destroyed
    destroyed_at timestamptz,
    PRIMARY KEY (originator_id, since)
);

-- Of every process, which of the streams that it remembers are erased meanwhile.
CREATE INDEX stream_keys_destroyed_idx ON stream_keys (destroyed_at) WHERE destroyed_at IS NOT NULL;

-- Events with the key that opens them, where they are sealed.
CREATE VIEW readable_events AS
SELECT e.originator_id, e.originator_version, e.topic, e.state, e.notification_id, e.occurred_at, e.recorded_at,
    e.actor, e.request_id, e.correlation_id, e.customer_id, e.former_customer_id, e.digest, k.since, k.master_id, k.wrapped
FROM stored_events AS e
LEFT JOIN stream_keys AS k ON k.originator_id = e.originator_id
    AND k.since <= e.originator_version AND (k.until IS NULL OR k.until > e.originator_version);

-- Streams of customers and users from before there were keys, until they are sealed, too.
CREATE TABLE unsealed_streams (originator_id uuid PRIMARY KEY);
INSERT INTO unsealed_streams
SELECT DISTINCT originator_id FROM stored_events
WHERE originator_id BETWEEN '00010000-0000-8000-8000-000000000000' AND '00010000-0000-8000-80ff-ffffffffffff'
    OR originator_id BETWEEN '00030000-0000-8000-8000-000000000000' AND '00030000-0000-8000-80ff-ffffffffffff';

-- Kept answers about a user are erased with it, as a customer's are.
ALTER TABLE answers ADD COLUMN user_id bigint;
CREATE INDEX answers_user_idx ON answers (user_id) WHERE user_id IS NOT NULL;
