-- What commands of several processes have in common is held before anything else, in the order of the keys, so that no two
-- of them ever wait for each other in a circle; and only then the log is asked where the streams end, because a statement
-- sees what was committed before it began, not what it waited for. Returns those that do not end at these versions.
CREATE FUNCTION hold_streams(keys bigint[], originator_ids uuid[], versions bigint[])
RETURNS TABLE (originator_id uuid, version bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(k) FROM unnest(keys) AS k;
    RETURN QUERY
    SELECT ends.id, ends.version FROM (
        SELECT s.id, s.version AS expected, coalesce((
            SELECT max(e.originator_version) FROM stored_events AS e WHERE e.originator_id = s.id
        ), 0) AS version FROM unnest(originator_ids, versions) AS s (id, version)
    ) AS ends WHERE ends.version <> ends.expected;
END
$$;

-- All that commands leave behind, in one call at the end of their transaction: claims first, then events, so that the
-- log's lock is held for no longer than their insert and the commit. Who takes a claim that another has taken meanwhile
-- fails on its key. Commit order must equal position order, or followers skip events: the lock is held from before the
-- positions are taken until the commit. JSON, because it is several times cheaper to write than arrays are for asyncpg.
DROP FUNCTION append_events;
CREATE FUNCTION append_events(events json, freed json, taken json)
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
        actor, request_id, correlation_id, customer_id, former_customer_id
    )
    SELECT a.originator_id, a.originator_version, a.topic, decode(a.state, 'base64'), a.occurred_at,
        a.actor, a.request_id, a.correlation_id, a.customer_id, a.former_customer_id
    FROM ROWS FROM (json_to_recordset(events) AS (
        originator_id uuid, originator_version bigint, topic text, state text, occurred_at timestamptz,
        actor text, request_id text, correlation_id text, customer_id bigint, former_customer_id bigint
    )) WITH ORDINALITY AS a (
        originator_id, originator_version, topic, state, occurred_at,
        actor, request_id, correlation_id, customer_id, former_customer_id, place)
    ORDER BY a.place
    RETURNING e.notification_id, e.recorded_at;
END
$$;
