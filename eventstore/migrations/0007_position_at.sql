-- Where the log ended at a time: the position of the last event that was recorded until then, 0 for none. Recorded times
-- ascend with positions, because both are taken under one lock; so it is found by halving, without an index of its own.
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
