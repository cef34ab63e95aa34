-- Delivery of webhooks: how far each endpoint is, and what is to be sent again. It is written behind the deliveries, in
-- batches, by the session that holds the endpoint's lock: after a crash messages are repeated, and none is skipped.

-- Of each endpoint the new events (replay 0), and each range of earlier ones that it gets again.
CREATE TABLE webhook_cursors (
    webhook_id bigint NOT NULL,
    replay bigint NOT NULL,           -- the position of the event that asked for the range
    position bigint NOT NULL,         -- every event up to it was delivered, or waits in webhook_retries
    digest bytea NOT NULL DEFAULT '', -- of the event there: where the log was set back, it is another, or none
    until bigint,                     -- the end of the range
    PRIMARY KEY (webhook_id, replay)
) WITH (fillfactor = 50);

-- What can't be said of a cursor: for each endpoint one row.
CREATE TABLE webhook_endpoints (
    webhook_id bigint PRIMARY KEY,
    looked_until bigint NOT NULL,  -- events up to it were looked through for those that go ahead of all others
    failing_since timestamptz,     -- the first failure since anything was delivered
    succeeded bigint NOT NULL DEFAULT 0, -- attempts, ever
    failed bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Whose next events an endpoint did not take: a customer, a stream that is nobody's, or in the order of the store all.
CREATE TABLE webhook_retries (
    webhook_id bigint NOT NULL,
    replay bigint NOT NULL,
    lane text NOT NULL,           -- such as customers/7
    after bigint NOT NULL,        -- what comes after it, and not after the cursor, is to be sent
    until bigint NOT NULL,        -- what was sent and failed ended here: it is sent again as it was
    failures integer NOT NULL,    -- since something of it was delivered
    next_at timestamptz NOT NULL,
    customer_id bigint GENERATED ALWAYS AS (
        CASE WHEN lane LIKE 'customers/%' THEN substring(lane FROM 11)::bigint END) STORED,
    PRIMARY KEY (webhook_id, replay, lane)
);

-- Messages that do not wait for the cursor: erasures, tests, and what somebody had sent again.
CREATE TABLE webhook_ahead (
    id bigserial PRIMARY KEY,
    webhook_id bigint NOT NULL,
    position bigint NOT NULL,
    until bigint NOT NULL,        -- the last event of a batch
    positions bigint[],           -- of all in it
    kind text NOT NULL,           -- erased, tested, resent
    customer_id bigint,           -- who is erased
    failures integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT 'epoch'
);
CREATE UNIQUE INDEX webhook_ahead_idx ON webhook_ahead (webhook_id, position) WHERE kind <> 'resent';

-- Whom each endpoint ever got an event about: it hears of their erasure, whatever its filters.
CREATE TABLE webhook_customers (
    webhook_id bigint NOT NULL,
    customer_id bigint NOT NULL,
    PRIMARY KEY (customer_id, webhook_id)
);

-- Which endpoints were sent which erasure, and when they acknowledged it.
CREATE TABLE webhook_erasures (
    customer_id bigint NOT NULL,
    webhook_id bigint NOT NULL,
    position bigint NOT NULL,                -- of the erasure
    is_ahead boolean NOT NULL DEFAULT false, -- it goes by webhook_ahead, not by the cursor
    sent_at timestamptz,
    acknowledged_at timestamptz,
    PRIMARY KEY (customer_id, webhook_id)
);

-- Every attempt, for 30 days.
CREATE TABLE webhook_attempts (
    id bigserial PRIMARY KEY,
    webhook_id bigint NOT NULL,
    position bigint NOT NULL,     -- of the event, or of the first in a batch
    until bigint NOT NULL,        -- of the event, or of the last
    events integer NOT NULL,
    positions bigint[],           -- of all in a batch
    digest bytea NOT NULL,        -- of the last
    type text NOT NULL,           -- of the last
    customer_id bigint,           -- whom a message of one event is about
    kind text NOT NULL,           -- new, replayed, erased, tested, resent
    attempt integer NOT NULL,
    at timestamptz NOT NULL,
    milliseconds integer NOT NULL,
    status integer,               -- null where there was no answer
    error text NOT NULL,
    answer bytea NOT NULL         -- its first bytes; none once the customer is erased
);
CREATE INDEX webhook_attempts_endpoint_idx ON webhook_attempts (webhook_id, id);
CREATE INDEX webhook_attempts_customer_idx ON webhook_attempts (customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX webhook_attempts_failed_idx ON webhook_attempts (webhook_id, id)
    WHERE status IS NULL OR status NOT BETWEEN 200 AND 299;
CREATE INDEX webhook_attempts_time_idx ON webhook_attempts USING brin (at);
