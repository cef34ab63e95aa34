-- As before, with the claims that the commands want or free in the same round trip: who holds them, if anybody does. They
-- come in one order for all, so that two who give up what the other wants don't wait for each other in a circle. Each is
-- looked up by its key: joined, a table of middling size would be read from end to end. A process that is stopped in the
-- middle must not hold up all others for longer than it takes to notice.
DROP FUNCTION hold_streams;
CREATE FUNCTION hold_streams(keys bigint[], originator_ids uuid[], versions bigint[], wanted json)
RETURNS TABLE (originator_id uuid, version bigint, kind text, value text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('idle_in_transaction_session_timeout', '30s', true);
    PERFORM pg_advisory_xact_lock(k) FROM unnest(keys) AS k;
    RETURN QUERY
    SELECT ends.id, ends.version, NULL, NULL FROM (
        SELECT s.id, s.version AS expected, coalesce((
            SELECT max(e.originator_version) FROM stored_events AS e WHERE e.originator_id = s.id
        ), 0) AS version FROM unnest(originator_ids, versions) AS s (id, version)
    ) AS ends WHERE ends.version <> ends.expected;
    IF wanted IS NOT NULL THEN
        RETURN QUERY
        SELECT held.originator_id, NULL::bigint, held.kind, held.value
        FROM json_array_elements(wanted) AS w CROSS JOIN LATERAL (
            SELECT c.originator_id, c.kind, c.value FROM claims AS c
            WHERE c.kind = w ->> 0 AND c.value = w ->> 1 FOR UPDATE
        ) AS held;
    END IF;
END
$$;
