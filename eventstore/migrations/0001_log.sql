-- The log has the columns and names that the `eventsourcing` library's PostgreSQL recorder creates, so that the library
-- reads and writes it; ours come after and have defaults.
CREATE TABLE stored_events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text,
    state bytea,
    notification_id bigserial,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL DEFAULT '',
    request_id text NOT NULL DEFAULT '',
    correlation_id text NOT NULL DEFAULT '',
    customer_id bigint,         -- whom the event is about
    former_customer_id bigint,  -- whom it was about before a transfer
    digest bytea,               -- room for a hash over the predecessor in the stream and these bytes
    PRIMARY KEY (originator_id, originator_version)
);

-- Followers and replays read by position.
CREATE UNIQUE INDEX stored_events_notification_id_idx ON stored_events (notification_id);

-- A page of one customer's history, newest first.
CREATE INDEX stored_events_customer_idx ON stored_events (customer_id, notification_id);
CREATE INDEX stored_events_former_customer_idx ON stored_events (former_customer_id, notification_id)
    WHERE former_customer_id IS NOT NULL;

-- The library's own tracking table, with the row by which it knows that the table is up to date.
CREATE TABLE notification_tracking (
    application_name text PRIMARY KEY,
    notification_id bigint
);
INSERT INTO notification_tracking VALUES ('__migration__', 1);

-- Values that only one stream may hold at a time; written in the transaction of the event that takes or frees them.
CREATE TABLE claims (
    kind text NOT NULL,
    value text NOT NULL,
    originator_id uuid NOT NULL,
    PRIMARY KEY (kind, value)
);

-- Integer ids for new streams and for the addresses, items and transactions inside them.
CREATE SEQUENCE customer_ids;
CREATE SEQUENCE order_ids;
CREATE SEQUENCE user_ids;
CREATE SEQUENCE label_ids;
CREATE SEQUENCE address_ids;
CREATE SEQUENCE item_ids;

-- Commit order must equal position order, or followers skip events: the lock is held from before the positions are taken
-- until the commit. An advisory lock, not LOCK TABLE, because that one waits for VACUUM and ANALYZE.
CREATE FUNCTION append_events(
    originator_ids uuid[], originator_versions bigint[], topics text[], states bytea[], occurred timestamptz[],
    actors text[], request_ids text[], correlation_ids text[], customer_ids bigint[], former_customer_ids bigint[]
) RETURNS TABLE (notification_id bigint, recorded_at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('stored_events'));
    NOTIFY stored_events;
    RETURN QUERY INSERT INTO stored_events AS e (
        originator_id, originator_version, topic, state, occurred_at,
        actor, request_id, correlation_id, customer_id, former_customer_id
    )
    SELECT a.originator_id, a.originator_version, a.topic, a.state, a.occurred_at,
        a.actor, a.request_id, a.correlation_id, a.customer_id, a.former_customer_id
    FROM unnest(originator_ids, originator_versions, topics, states, occurred,
        actors, request_ids, correlation_ids, customer_ids, former_customer_ids) WITH ORDINALITY AS a (
        originator_id, originator_version, topic, state, occurred_at,
        actor, request_id, correlation_id, customer_id, former_customer_id, place)
    ORDER BY a.place
    RETURNING e.notification_id, e.recorded_at;
END
$$;
