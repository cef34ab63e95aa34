"""Where words about a customer may be: in the orders that it has or had, whoever has them now."""

from collections.abc import Collection, Sequence

from domain.event import Recorded, Stream
from eventstore.postgres.connection import Executor
from eventstore.postgres.stream_ids import MAX_ID, from_uuid, to_uuid

ORDERS_EVER = """
    SELECT c.id, o.originator_id FROM unnest($1::bigint[]) AS c (id) CROSS JOIN LATERAL (
        SELECT originator_id FROM stored_events WHERE customer_id = c.id AND originator_id BETWEEN $2 AND $3
        UNION SELECT originator_id FROM stored_events WHERE former_customer_id = c.id
    ) AS o"""
HOLDERS = """
    SELECT DISTINCT originator_id, customer_id FROM stored_events WHERE originator_id IN (
        SELECT originator_id FROM stored_events WHERE former_customer_id = ANY($1))"""
ENDS = to_uuid(Stream("order", 0)), to_uuid(Stream("order", MAX_ID))


async def orders_ever(on: Executor, customer_ids: Collection[int]) -> dict[int, set[int]]:
    """Ids of all orders that customers have or had, deleted ones too, by customer."""
    found: dict[int, set[int]] = {id_: set() for id_ in customer_ids}
    for id_, originator_id in await on.fetch(ORDERS_EVER, list(customer_ids), *ENDS):
        found[id_].add(from_uuid(originator_id).id)
    return found


async def holders(on: Executor, customer_ids: Collection[int], unwritten: Sequence[Recorded] = ()) -> set[int]:
    """These customers, and all who ever had an order that has left one of them: by the log, and events to come."""
    rows = await on.fetch(HOLDERS, list(customer_ids))
    left = {from_uuid(originator_id) for originator_id, _ in rows}
    left |= {recorded.stream for recorded in unwritten if recorded.former_customer_id in customer_ids}
    later = {recorded.customer_id for recorded in unwritten if recorded.stream in left}
    return {*customer_ids, *(id_ for _, id_ in rows), *(id_ for id_ in later if id_ is not None)}
