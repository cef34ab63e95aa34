-- The log and what is written in one transaction with it: events, the keys that open them, claims, kept answers and
-- checkpoints.

-- EVENTS

-- The log. The columns down to notification_id are those of the `eventsourcing` library's PostgreSQL recorder, by which
-- the library reads and writes this table; ours come after them and have defaults.
CREATE TABLE stored_events (
    originator_id uuid NOT NULL,         -- the stream, as eventstore/postgres/stream_ids.py numbers it
    originator_version bigint NOT NULL,  -- the place in the stream, from 1
    topic text,                          -- the type of event, and the version of its form
    state bytea,                         -- the event in JSON, sealed where it is personal
    notification_id bigserial,           -- the position: the place in the whole log; a rolled back append leaves a gap
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),  -- in the world
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),  -- here; ascends with the position
    actor text NOT NULL DEFAULT '',           -- who sent the command
    request_id text NOT NULL DEFAULT '',      -- the request that brought the command
    correlation_id text NOT NULL DEFAULT '',  -- what several requests have in common, such as an import
    customer_id bigint,         -- the customer whom the event is about
    former_customer_id bigint,  -- the customer whom it was about before a transfer
    digest bytea,               -- SHA-256 over that of the previous event in the stream, and over this event
    PRIMARY KEY (originator_id, originator_version)
) WITH (
    -- Rows are only ever added. By default the next vacuum comes after a fifth more of them, which of a billion is very
    -- much at a time; and what it freezes at once it need not read again.
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 1000000,
    autovacuum_freeze_min_age = 0
);

-- Followers and replays read by position.
CREATE UNIQUE INDEX stored_events_notification_id_idx ON stored_events (notification_id);

-- A page of one customer's history, newest first.
CREATE INDEX stored_events_customer_idx ON stored_events (customer_id, notification_id);
CREATE INDEX stored_events_former_customer_idx ON stored_events (former_customer_id, notification_id)
    WHERE former_customer_id IS NOT NULL;

-- The library's own tracking table, with the row that tells the library that the table is up to date.
CREATE TABLE notification_tracking (
    application_name text PRIMARY KEY,
    notification_id bigint
);
INSERT INTO notification_tracking VALUES ('__migration__', 1);

-- Integer ids for new streams, and for the addresses and items inside them.
CREATE SEQUENCE customer_ids;
CREATE SEQUENCE order_ids;
CREATE SEQUENCE user_ids;
CREATE SEQUENCE label_ids;
CREATE SEQUENCE webhook_ids;
CREATE SEQUENCE address_ids;
CREATE SEQUENCE item_ids;

-- KEYS

-- Names of the master keys that wrap the keys of streams, never the keys themselves. New keys are wrapped by the
-- current.
CREATE TABLE master_keys (
    id text PRIMARY KEY,
    is_current boolean NOT NULL,
    known_since timestamptz NOT NULL DEFAULT now()
);

-- There is one current master key at most.
CREATE UNIQUE INDEX master_keys_current_idx ON master_keys (is_current) WHERE is_current;

-- Keys of the streams that hold personal data, each wrapped by a master key. Destroying a key erases what is sealed
-- with it. The row stays, which tells an erased stream from a lost key. A user that is created again gets another key.
CREATE TABLE stream_keys (
    originator_id uuid NOT NULL,  -- the stream
    since bigint NOT NULL,        -- the first version that is sealed with it
    until bigint,                 -- the first version that no longer is
    master_id text NOT NULL,      -- the master key; empty where the customer's events were never sealed
    wrapped bytea,                -- the key, sealed under the master key; null where it is destroyed
    destroyed_at timestamptz,
    PRIMARY KEY (originator_id, since)
);

-- Each process asks which of the streams in its cache were erased lately.
CREATE INDEX stream_keys_destroyed_idx ON stream_keys (destroyed_at) WHERE destroyed_at IS NOT NULL;

-- The stream of a customer, as eventstore/postgres/stream_ids.py numbers it.
CREATE FUNCTION customer_stream(id bigint) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT ('0001000000008000' || to_hex((-9223372036854775808)::bigint | id))::uuid $$;

-- Events with the key that opens them: the stream's at that version, where the whole event is sealed; the customer's,
-- where only words in it are. A customer has one key. A key without a master key opens nothing: its stream was never
-- sealed.
CREATE VIEW readable_events AS
SELECT e.originator_id, e.originator_version, e.topic, e.state, e.notification_id, e.occurred_at, e.recorded_at,
    e.actor, e.request_id, e.correlation_id, e.customer_id, e.former_customer_id, e.digest,
    k.since, k.master_id, k.wrapped
FROM stored_events AS e
LEFT JOIN stream_keys AS k ON CASE WHEN substring(e.state FOR 11) = '{"sealed":"'
        THEN customer_stream(e.customer_id) ELSE e.originator_id END = k.originator_id
    AND CASE WHEN substring(e.state FOR 11) = '{"sealed":"' THEN k.master_id <> ''
        ELSE k.since <= e.originator_version AND (k.until IS NULL OR k.until > e.originator_version) END;

-- CLAIMS

-- Values that only one stream may hold at a time, such as a customer's email. The transaction of the event that takes
-- or frees a value writes it.
CREATE TABLE claims (
    kind text NOT NULL,
    value text NOT NULL,
    originator_id uuid NOT NULL,  -- the stream that holds it
    PRIMARY KEY (kind, value)
);

-- APPENDING
-- A batch of commands is one transaction: hold_streams, what the read models do, append_events. Where all that it
-- builds on is cached, it is one statement: hold_unmoved, what the read models do, append_whole.

-- The streams that do not end as expected, and how they do end. The end of a stream is the digest of its last event: an
-- event of the same version may be another, where the log was set back to an earlier state and has grown again since.
CREATE FUNCTION moved_ends(originator_ids uuid[], versions bigint[], digests text[])
RETURNS TABLE (originator_id uuid, version bigint, digest bytea) LANGUAGE sql STABLE AS $$
    SELECT expected.id, coalesce(last.version, 0), coalesce(last.digest, '')
    FROM unnest(originator_ids, versions, digests) AS expected (id, version, digest)
    LEFT JOIN LATERAL (
        SELECT e.originator_version AS version, e.digest FROM stored_events AS e WHERE e.originator_id = expected.id
        ORDER BY e.originator_version DESC LIMIT 1
    ) AS last ON true
    WHERE coalesce(last.version, 0) <> expected.version OR encode(coalesce(last.digest, ''), 'hex') <> expected.digest
$$;

-- Lock the keys of streams, in the order given, which is the same for all: so no two batches of several processes wait
-- for each other in a circle. Only then ask where the streams end, because a statement sees what was committed before
-- it began, not what it waited for. Returns the streams that do not end as expected, and who holds the wanted claims.
-- Claims come in one order for all, too. Each is looked up by its key: a join would read a table of middling size from
-- end to end. A process that is stopped in the middle must not hold up all others for longer than the timeout.
CREATE FUNCTION hold_streams(keys bigint[], originator_ids uuid[], versions bigint[], digests text[], wanted json)
RETURNS TABLE (originator_id uuid, version bigint, digest bytea, kind text, value text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('idle_in_transaction_session_timeout', '30s', true);
    PERFORM pg_advisory_xact_lock(k) FROM unnest(keys) AS k;
    RETURN QUERY SELECT m.originator_id, m.version, m.digest, NULL, NULL
        FROM moved_ends(originator_ids, versions, digests) AS m;
    IF wanted IS NOT NULL THEN
        RETURN QUERY
        SELECT held.originator_id, NULL::bigint, NULL::bytea, held.kind, held.value
        FROM json_array_elements(wanted) AS w CROSS JOIN LATERAL (
            SELECT c.originator_id, c.kind, c.value FROM claims AS c
            WHERE c.kind = w ->> 0 AND c.value = w ->> 1 FOR UPDATE
        ) AS held;
    END IF;
END
$$;

-- Append events, after taking claims, so that the log's lock is held for no longer than the insert and the commit.
-- Taking a claim that another stream holds fails on its key.
-- Commit order must equal position order, or followers skip events: the lock is held from before the positions are
-- taken until the commit. It is an advisory lock, because LOCK TABLE waits for VACUUM and ANALYZE. The arguments are
-- JSON, because asyncpg writes JSON several times faster than arrays.
CREATE FUNCTION append_events(events json, taken json)
RETURNS TABLE (notification_id bigint, recorded_at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    IF taken IS NOT NULL THEN
        INSERT INTO claims (kind, value, originator_id)
        SELECT t.kind, t.value, t.originator_id
        FROM json_to_recordset(taken) AS t (kind text, value text, originator_id uuid)
        ORDER BY t.kind, t.value;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('stored_events'));
    NOTIFY stored_events;
    RETURN QUERY INSERT INTO stored_events AS e (
        originator_id, originator_version, topic, state, occurred_at,
        actor, request_id, correlation_id, customer_id, former_customer_id, digest
    )
    SELECT a.originator_id, a.originator_version, a.topic, decode(a.state, 'base64'), a.occurred_at,
        a.actor, a.request_id, a.correlation_id, a.customer_id, a.former_customer_id, decode(a.digest, 'base64')
    FROM ROWS FROM (json_to_recordset(events) AS (
        originator_id uuid, originator_version bigint, topic text, state text, digest text, occurred_at timestamptz,
        actor text, request_id text, correlation_id text, customer_id bigint, former_customer_id bigint
    )) WITH ORDINALITY AS a (
        originator_id, originator_version, topic, state, digest, occurred_at,
        actor, request_id, correlation_id, customer_id, former_customer_id, place)
    ORDER BY a.place
    RETURNING e.notification_id, e.recorded_at;
END
$$;

-- Lock the keys of streams, as hold_streams does, and fail where a stream does not end as expected.
CREATE FUNCTION hold_unmoved(keys bigint[], originator_ids uuid[], versions bigint[], digests text[]) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(k) FROM unnest(keys) AS k;
    PERFORM FROM moved_ends(originator_ids, versions, digests);
    IF FOUND THEN
        RAISE serialization_failure USING MESSAGE = 'a stream has moved on';
    END IF;
    RETURN true;
END
$$;

-- Append where the streams are held and as many rows of read models were written as expected; fail otherwise. `is_held`
-- is an argument so that the keys are locked before any row is. Returns the mark that the written rows have now.
CREATE FUNCTION append_whole(is_held boolean, written bigint, expected bigint, events json, taken json) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_held OR written <> expected THEN
        RAISE serialization_failure USING MESSAGE = 'a row has changed';
    END IF;
    PERFORM append_events(events, taken);
    RETURN pg_current_xact_id()::xid::text::bigint;
END
$$;

-- KEPT ANSWERS

-- What was answered to a request with an Idempotency-Key, written in the command's transaction. Erasing a customer or
-- user deletes the answers about it.
CREATE TABLE answers (
    actor text NOT NULL,         -- whose key it is
    key text NOT NULL,
    fingerprint bytea NOT NULL,  -- of the request that was answered
    status int NOT NULL,
    etag text,
    body bytea NOT NULL,
    customer_id bigint,
    answered_at timestamptz NOT NULL DEFAULT now(),
    user_id bigint,
    PRIMARY KEY (actor, key)
);

-- Old answers are deleted by age, those about a customer or user by its id.
CREATE INDEX answers_answered_at_idx ON answers (answered_at);
CREATE INDEX answers_customer_idx ON answers (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX answers_user_idx ON answers (user_id) WHERE user_id IS NOT NULL;

-- Lock a key until the transaction ends, and read what was answered to it before. `is_free` is false where another
-- request with the key is being answered. In this order, because a statement sees what was committed before it began.
-- Old answers are deleted on the way.
CREATE FUNCTION begin_answer(whose text, named text)
RETURNS TABLE (is_free boolean, fingerprint bytea, status int, etag text, body bytea) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(whose || E'\n' || named, 0)) THEN
        RETURN QUERY SELECT false, NULL::bytea, NULL::int, NULL::text, NULL::bytea;
        RETURN;
    END IF;
    DELETE FROM answers WHERE answered_at < now() - interval '24 hours';
    RETURN QUERY SELECT true, a.fingerprint, a.status, a.etag, a.body FROM answers AS a
        WHERE a.actor = whose AND a.key = named;
END
$$;

-- READING THE PAST

-- The position at which the log ended at a time: that of the last event recorded until then, 0 for none. Recorded times
-- ascend with positions, because both are taken under one lock; so halving finds it without an index.
CREATE FUNCTION position_at(moment timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;  -- all up to here were recorded by then
    high bigint := (SELECT coalesce(max(notification_id), 0) FROM stored_events);  -- and none behind here
    middle bigint;
    at_middle stored_events;
BEGIN
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        -- Positions have gaps: the first event from there on.
        SELECT * INTO at_middle FROM stored_events WHERE notification_id >= middle ORDER BY notification_id LIMIT 1;
        IF at_middle.recorded_at <= moment THEN
            low := at_middle.notification_id;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;

-- CHECKPOINTS

-- What the log held up to a position, signed: see eventstore/chain/checkpoints.py.
CREATE TABLE checkpoints (
    number bigint PRIMARY KEY,
    statement text NOT NULL,   -- JSON, as it was signed, byte for byte
    signature bytea NOT NULL,
    inventory bytea NOT NULL   -- names every event since the checkpoint before
);
