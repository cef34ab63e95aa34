-- What read models need besides their own tables. The table of each model is made from its row type: see
-- projections/tables/table.py.

-- Search finds parts of words by their trigrams.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- The read models that have been built. A fingerprint is that of the table's SQL and of the code that fills it: where
-- it is another than the code's, the model is rebuilt from events.
CREATE TABLE read_models (
    name text PRIMARY KEY,
    fingerprint text NOT NULL,  -- empty where the table is there and must be rebuilt
    built_at timestamptz NOT NULL DEFAULT now()
);

-- HISTORY

-- Which events a customer's history holds besides those that name the customer: those of its orders from before the
-- orders came to it. A page of history then never has to look for them.
CREATE TABLE inherited_events (
    customer_id bigint NOT NULL,
    notification_id bigint NOT NULL,  -- the event's position
    PRIMARY KEY (customer_id, notification_id)
);

-- A transfer enters them when it is appended, as into an index.
CREATE FUNCTION inherit_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO inherited_events
    SELECT NEW.customer_id, e.notification_id FROM stored_events AS e
    WHERE e.originator_id = NEW.originator_id AND e.originator_version < NEW.originator_version
        AND e.customer_id <> NEW.customer_id AND e.former_customer_id IS DISTINCT FROM NEW.customer_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER inherit_events AFTER INSERT ON stored_events
    FOR EACH ROW WHEN (NEW.former_customer_id IS NOT NULL) EXECUTE FUNCTION inherit_events();

-- Versions of a long stream at which its rows were saved: history folds only the events after the newest. A snapshot
-- holds, for every row of its stream, the newest in snapshot_rows that is not above its version and has its
-- fingerprint.
CREATE TABLE snapshots (
    originator_id uuid NOT NULL,  -- the stream
    version bigint NOT NULL,      -- the last event that the rows hold
    fingerprint text NOT NULL,    -- of the code that made them
    PRIMARY KEY (originator_id, version)
);

-- A row of a read model as it was at a version of its stream, saved where it differs from the snapshot before.
CREATE TABLE snapshot_rows (
    originator_id uuid NOT NULL,
    name text NOT NULL,           -- the read model
    id bigint NOT NULL,           -- the row's
    version bigint NOT NULL,
    fingerprint text NOT NULL,
    state bytea,                  -- null where the row was deleted
    PRIMARY KEY (originator_id, name, id, version)
);

-- CHECKS

-- When figures were last compared with the events, and how many customers': one row, or none yet.
CREATE TABLE verifications (
    is_last boolean PRIMARY KEY DEFAULT true CHECK (is_last),
    checked_at timestamptz NOT NULL,
    checked bigint NOT NULL
);

-- Verifications that people have asked for: how far each is, and how it ended.
CREATE TABLE verification_jobs (
    id bigserial PRIMARY KEY,
    low bigint NOT NULL,   -- customers from this id
    high bigint NOT NULL,  -- up to this one
    sample bigint,         -- so many random customers instead
    status text NOT NULL DEFAULT 'waiting',
    is_to_end boolean NOT NULL DEFAULT false,  -- somebody has asked to cancel it
    total bigint NOT NULL DEFAULT 0,           -- customers to compare
    checked bigint NOT NULL DEFAULT 0,
    drifted bigint NOT NULL DEFAULT 0,         -- of these
    unverified bigint NOT NULL DEFAULT 0,
    error text,            -- why it failed
    started_by text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);

-- Customers whose stored figures differed from what the events give when they were last compared. Ids only.
CREATE TABLE drift (
    customer_id bigint PRIMARY KEY,
    is_unverified boolean NOT NULL,  -- the events could not be summed
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    problem text                     -- why not
);

-- The figures in which they differed: as stored, as the fold gives them, and as SQL sums them.
CREATE TABLE drifting_figures (
    customer_id bigint NOT NULL REFERENCES drift ON DELETE CASCADE,
    field text NOT NULL,
    stored json,
    fold json,
    sql json,
    PRIMARY KEY (customer_id, field)
);

-- FIGURES BY DAY

-- What all customers' orders are worth, and who came: summed from the log up to a position, when somebody looks. Writers
-- know nothing of it.
CREATE TABLE figures_by_day (
    day date PRIMARY KEY,      -- of UTC
    net numeric NOT NULL,      -- in the smallest unit of the store's currency
    orders bigint NOT NULL,    -- that were placed on this day, and count
    customers bigint NOT NULL  -- who registered on this day
);

-- Up to which position, and by which code. 0 is nothing yet.
CREATE TABLE figures_by_day_until (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    position bigint NOT NULL,
    fingerprint text NOT NULL
);
INSERT INTO figures_by_day_until (position, fingerprint) VALUES (0, '');
