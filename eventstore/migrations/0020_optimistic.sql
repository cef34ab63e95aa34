-- A whole batch of commands in one statement, which stands only if nothing that it counts on has changed: the ends of its
-- streams, looked up when nobody else holds any of the keys; and as many rows as it was to write. `is_held` comes first so
-- that the keys are held before any row is. Returns the mark that the rows now have.
CREATE FUNCTION hold_unmoved(keys bigint[], originator_ids uuid[], versions bigint[]) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(k) FROM unnest(keys) AS k;
    PERFORM FROM unnest(originator_ids, versions) AS s (id, version)
    WHERE s.version <> coalesce((
        SELECT max(e.originator_version) FROM stored_events AS e WHERE e.originator_id = s.id
    ), 0);
    IF FOUND THEN
        RAISE serialization_failure USING MESSAGE = 'a stream has moved on';
    END IF;
    RETURN true;
END
$$;
CREATE FUNCTION append_whole(is_held boolean, written bigint, expected bigint, events json, taken json) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_held OR written <> expected THEN
        RAISE serialization_failure USING MESSAGE = 'a row has changed';
    END IF;
    PERFORM append_events(events, NULL, taken);
    RETURN pg_current_xact_id()::xid::text::bigint;
END
$$;
