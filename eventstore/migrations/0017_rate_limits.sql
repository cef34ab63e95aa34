-- How much of its rate each credential has used up: until when the requests it made would fill the time, were they
-- evenly spread. Unlogged: after a crash everybody begins anew, and no request waits for a disk.
CREATE UNLOGGED TABLE rate_limits (
    credential uuid PRIMARY KEY,
    spent_until timestamptz NOT NULL,
    taken integer NOT NULL  -- by the last statement that asked
) WITH (fillfactor = 50);
