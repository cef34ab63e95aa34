-- What a customer's history holds beside the events that name the customer: those of its orders from before they came to
-- it. PostgreSQL enters them when a transfer is appended, as into an index, so that a page never has to look for them.
CREATE TABLE inherited_events (
    customer_id bigint NOT NULL,
    notification_id bigint NOT NULL,
    PRIMARY KEY (customer_id, notification_id)
);

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

INSERT INTO inherited_events
SELECT DISTINCT t.customer_id, e.notification_id
FROM stored_events AS t
JOIN stored_events AS e ON e.originator_id = t.originator_id AND e.originator_version < t.originator_version
WHERE t.former_customer_id IS NOT NULL
    AND e.customer_id <> t.customer_id AND e.former_customer_id IS DISTINCT FROM t.customer_id;

-- Rows as they were at a version of their stream: of a long stream, history then folds only the events after it. A
-- snapshot holds for every row of its stream the newest in snapshot_rows that is not above its version, with the same
-- fingerprint, that of the code that made it. Rows that are gone have no state.
CREATE TABLE snapshots (
    originator_id uuid NOT NULL,
    version bigint NOT NULL,
    fingerprint text NOT NULL,
    PRIMARY KEY (originator_id, version)
);
CREATE TABLE snapshot_rows (
    originator_id uuid NOT NULL,
    name text NOT NULL,
    id bigint NOT NULL,
    version bigint NOT NULL,
    fingerprint text NOT NULL,
    state bytea,
    PRIMARY KEY (originator_id, name, id, version)
);
