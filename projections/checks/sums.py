"""Figures by SQL alone, from the events themselves: it shares no code with the fold, so that one checks the other."""

from collections.abc import Iterable, Sequence

import asyncpg
import msgspec

from eventstore.postgres.connection import Connection
from projections.models.figures import FiguresRow

# What it reads. A new schema version of one of these needs a new line below, and a test says so.
TOPICS = frozenset(
    {
        "customer-registered#1",
        "customer-erased#1",
        "order-placed#1",
        "payment-recorded#1",
        "refund-recorded#1",
        "payment-status-changed#1",
        "order-transferred#1",
        "order-deleted#1",
    }
)

# $1 are the customers; $2 the positions of events that can't be read, whose streams are left out.
SUMS = """
    WITH streams AS MATERIALIZED (
        SELECT DISTINCT originator_id FROM stored_events
        WHERE customer_id = ANY($1) AND topic IN ('order-placed#1', 'order-transferred#1')
        EXCEPT SELECT originator_id FROM stored_events WHERE notification_id = ANY($2)
    ), placed AS (
        SELECT originator_id, said.* FROM streams JOIN stored_events USING (originator_id)
        CROSS JOIN LATERAL json_to_record(convert_from(state, 'UTF8')::json -> 'terms') AS said (
            customer_id bigint, currency text, rate numeric, created_at timestamptz,
            total_paid numeric, total_refund numeric, payment_status text)
        WHERE topic = 'order-placed#1'
    ), later AS (
        SELECT originator_id,
            sum(amount) FILTER (WHERE topic = 'payment-recorded#1') AS paid,
            sum(amount) FILTER (WHERE topic = 'refund-recorded#1') AS refunded,
            max(originator_version) FILTER (WHERE topic IN ('payment-recorded#1', 'refund-recorded#1')) AS last_moved,
            max(originator_version) FILTER (WHERE topic = 'payment-status-changed#1') AS last_said,
            (array_agg(payment_status ORDER BY originator_version DESC)
                FILTER (WHERE topic = 'payment-status-changed#1'))[1] AS payment_status,
            (array_agg(customer_id ORDER BY originator_version DESC)
                FILTER (WHERE topic = 'order-transferred#1'))[1] AS customer_id,
            bool_or(topic = 'order-deleted#1') AS is_deleted
        FROM (
            SELECT originator_id, originator_version, topic, said.*
            FROM streams JOIN stored_events USING (originator_id)
            CROSS JOIN LATERAL json_to_record(convert_from(state, 'UTF8')::json) AS said (
                amount numeric, payment_status text, customer_id bigint)
            WHERE topic IN ('payment-recorded#1', 'refund-recorded#1', 'payment-status-changed#1',
                'order-transferred#1', 'order-deleted#1')) AS events
        GROUP BY originator_id
    ), totals AS (
        SELECT coalesce(l.customer_id, p.customer_id) AS customer_id, p.currency, coalesce(p.rate, 1) AS rate,
            date_trunc('second', p.created_at AT TIME ZONE 'UTC') AS created_at,
            coalesce(p.total_paid, 0) + coalesce(l.paid, 0) AS paid,
            coalesce(p.total_refund, 0) + coalesce(l.refunded, 0) AS refunded,
            l.last_moved > coalesce(l.last_said, 0) AS has_moved_since,
            coalesce(l.payment_status, p.payment_status, 'pending') AS said
        FROM placed AS p LEFT JOIN later AS l USING (originator_id)
        WHERE l.is_deleted IS NOT TRUE
    ), orders AS (
        SELECT customer_id, currency, created_at, greatest(0, paid - refunded) AS net,
            round(greatest(0, paid - refunded) * rate) AS contribution
        FROM totals
        WHERE CASE WHEN has_moved_since AND refunded > 0 THEN refunded < paid
            WHEN has_moved_since THEN paid > 0
            ELSE said IN ('paid', 'partially_paid', 'partially_refunded') END
    ), by_currency AS (
        SELECT customer_id, json_object_agg(currency, net ORDER BY currency) AS purchase_value
        FROM (SELECT customer_id, currency, sum(net) AS net FROM orders GROUP BY customer_id, currency) AS nets
        GROUP BY customer_id
    ), figures AS (
        SELECT customer_id, sum(contribution) AS ltv, count(*) AS purchase_count,
            round(sum(contribution)::numeric(50, 20) / count(*), 2) AS aov,
            min(created_at) AS first_purchase_date, max(created_at) AS last_purchase_date
        FROM orders GROUP BY customer_id
    ), events AS (
        SELECT customer_id, count(*) AS version,
            bool_or(topic = 'customer-registered#1') AND NOT bool_or(topic = 'customer-erased#1') AS stands
        FROM stored_events WHERE customer_id = ANY($1) GROUP BY customer_id
    ), gone AS (
        SELECT former_customer_id AS customer_id, count(*) AS version
        FROM stored_events WHERE former_customer_id = ANY($1) GROUP BY former_customer_id
    )
    SELECT customer_id AS id, events.version + coalesce(gone.version, 0) AS version, coalesce(ltv, 0)::bigint AS ltv,
        coalesce(purchase_count, 0) AS purchase_count, coalesce(aov, 0) AS aov, first_purchase_date, last_purchase_date,
        coalesce(purchase_value, '{}') AS purchase_value
    FROM events LEFT JOIN gone USING (customer_id) LEFT JOIN figures USING (customer_id)
        LEFT JOIN by_currency USING (customer_id)
    WHERE stands"""


async def summed(on: Connection, customer_ids: Sequence[int], unreadable: Iterable[int]) -> dict[int, FiguresRow]:
    """Figures by customer, without the erased. Raises asyncpg.DataError for an event that SQL can't read."""
    rows = await on.fetch(SUMS, customer_ids, list(unreadable))
    return {row["id"]: _row(row) for row in rows}


def _row(row: asyncpg.Record) -> FiguresRow:
    values = dict(row)
    values["purchase_value"] = msgspec.json.decode(row["purchase_value"])
    return FiguresRow(**values)
