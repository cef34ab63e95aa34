-- Streams with events from before there were digests, until they are chained, too: see eventstore/chain/unchained.py.
CREATE TABLE unchained_streams (originator_id uuid PRIMARY KEY);
INSERT INTO unchained_streams SELECT DISTINCT originator_id FROM stored_events;

-- As before, with the digest that every event brings along. What others insert has none.
CREATE OR REPLACE FUNCTION append_events(events json, freed json, taken json)
RETURNS TABLE (notification_id bigint, recorded_at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    IF freed IS NOT NULL THEN
        DELETE FROM claims USING json_to_recordset(freed) AS f (kind text, value text)
        WHERE (claims.kind, claims.value) = (f.kind, f.value);
    END IF;
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
