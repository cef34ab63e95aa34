-- A whole batch of commands in one statement, which stands only if nothing that it counts on has changed: the ends of its
-- streams, looked up when nobody else holds any of the keys; and as many rows as it was to write. `is_held` comes first so
-- that the keys are held before any row is. Returns the mark that the rows now have.
CREATE FUNCTION hold_unmoved(keys bigint[], originator_ids uuid[], versions bigint[]) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM hold_streams(keys, originator_ids, versions, NULL);
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
