-- A stream's end is its last event's digest: one of the same version may be another, where the log was set back to an earlier
-- state and has gone on from there. These are the streams that do not end as expected, and how they do.
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

-- As before, with the digests.
DROP FUNCTION hold_streams;
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
DROP FUNCTION hold_unmoved;
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
