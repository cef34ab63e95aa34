-- The stream that a customer is, as eventstore/streams.py numbers it.
CREATE FUNCTION customer_stream(id bigint) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT ('0001000000008000' || to_hex((-9223372036854775808)::bigint | id))::uuid $$;

-- As before; and where only words are sealed, with the key of the customer whom the event is about. A customer has but one
-- key; what has no master key stands in the place of one, for events that were never sealed.
CREATE OR REPLACE VIEW readable_events AS
SELECT e.originator_id, e.originator_version, e.topic, e.state, e.notification_id, e.occurred_at, e.recorded_at,
    e.actor, e.request_id, e.correlation_id, e.customer_id, e.former_customer_id, e.digest, k.since, k.master_id, k.wrapped
FROM stored_events AS e
LEFT JOIN stream_keys AS k ON CASE WHEN substring(e.state FOR 11) = '{"sealed":"'
        THEN customer_stream(e.customer_id) ELSE e.originator_id END = k.originator_id
    AND CASE WHEN substring(e.state FOR 11) = '{"sealed":"' THEN k.master_id <> ''
        ELSE k.since <= e.originator_version AND (k.until IS NULL OR k.until > e.originator_version) END;
