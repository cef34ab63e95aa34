"""What happened to a customer and its orders, newest first, with what each event changed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from domain.address import PrimaryAddressSet
from domain.customer import CustomerErased
from domain.event import Recorded
from eventstore.log import COLUMNS, Executor, Log
from projections.addresses import ADDRESSES
from projections.customers import CUSTOMERS
from projections.orders import FORGOTTEN, ORDERS

SHOWN = (CUSTOMERS, ORDERS, ADDRESSES)
BOOKKEEPING = "updated_at"

FILTERS = """
    notification_id < $2 AND ($3::text[] IS NULL OR topic = ANY($3)) AND ($4::text IS NULL OR actor = $4)
    AND ($5::timestamptz IS NULL OR occurred_at >= $5) AND ($6::timestamptz IS NULL OR occurred_at < $6)
    ORDER BY notification_id DESC LIMIT $7"""
# Events about the customer, by the index on (customer_id, notification_id); those that took an order away from it; and
# what happened to an order before it was transferred to this customer.
PAGE = f"""
    SELECT {COLUMNS} FROM (
        (SELECT {COLUMNS} FROM stored_events WHERE customer_id = $1 AND {FILTERS})
        UNION ALL
        (SELECT {COLUMNS} FROM stored_events WHERE former_customer_id = $1 AND {FILTERS})
        UNION ALL
        (SELECT {COLUMNS} FROM stored_events e
         WHERE e.customer_id <> $1 AND coalesce(e.former_customer_id, 0) <> $1 AND notification_id < (
             SELECT max(t.notification_id) FROM stored_events t
             WHERE t.customer_id = $1 AND t.former_customer_id IS NOT NULL AND t.originator_id = e.originator_id)
         AND e.originator_id IN (
             SELECT t.originator_id FROM stored_events t WHERE t.customer_id = $1 AND t.former_customer_id IS NOT NULL)
         AND {FILTERS})
    ) AS about ORDER BY notification_id DESC LIMIT $7"""
ERASED = "SELECT EXISTS (SELECT FROM stored_events WHERE customer_id = $1 AND topic LIKE 'customer-erased#%')"
NEWEST = 2**63 - 1


class Entry(msgspec.Struct, frozen=True):
    """`changes` maps a field of what the event is about to its value before and after; None for what is forgotten."""

    recorded: Recorded
    data: dict[str, Any] | None
    changes: dict[str, tuple[Any, Any]] | None


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """`type` is an event's tag; `since` is included, `until` is not; both are times at which events happened."""

    type: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def history(
    on: Executor, log: Log, customer_id: int, filters: Filters, *, before: int = NEWEST, limit: int
) -> list[Entry]:
    """Entries before a position; empty for a customer that never was."""
    topics = None if filters.type is None else log.codec.topics(filters.type)
    rows = await on.fetch(
        PAGE, customer_id, before, topics, filters.actor, filters.since, filters.until, limit
    )  # fmt: skip
    page = [log.recorded(row) for row in rows]
    if not page:
        return []
    forgotten = await on.fetchval(ERASED, customer_id)
    past = await log.streams(on, {recorded.stream for recorded in page})
    changes = changes_of(past, {recorded.position for recorded in page})
    shown = _what_is_left if forgotten else _whole
    return [shown(recorded, changes[recorded.position]) for recorded in page]


def _whole(recorded: Recorded, changes: dict[str, tuple[Any, Any]]) -> Entry:
    return Entry(recorded, data_of(recorded), changes)


def _what_is_left(recorded: Recorded, changes: dict[str, tuple[Any, Any]]) -> Entry:
    """Of an erased customer: what changed may say what was there before."""
    if isinstance(recorded.event, CustomerErased):
        return Entry(recorded, data_of(recorded), None)
    if recorded.stream.category == "customer":
        return Entry(recorded, None, None)
    return Entry(recorded, data_of(recorded), {name: pair for name, pair in changes.items() if name not in FORGOTTEN})


def data_of(recorded: Recorded) -> dict[str, Any]:
    """The event's business data, defaults included, without its tag."""
    return {name: getattr(recorded.event, name) for name in recorded.event.__struct_fields__}


def changes_of(past: Iterable[Recorded], positions: set[int]) -> dict[int, dict[str, tuple[Any, Any]]]:
    """Fields before and after, for the events at these positions; `past` holds whole streams."""
    rows: dict[str, dict[int, Any]] = {projection.name: {} for projection in SHOWN}
    changes: dict[int, dict[str, tuple[Any, Any]]] = {}
    for recorded in sorted(past, key=lambda recorded: recorded.position):
        changed: dict[str, tuple[Any, Any]] = {}
        for projection in SHOWN:
            known = rows[projection.name]
            for key in projection.keys(recorded):
                former = known.get(key)
                known[key] = projection.evolve(key, former, recorded)
                if recorded.position in positions:
                    changed |= _difference(former, known[key], _prefix(recorded, key))
        if recorded.position in positions:
            changes[recorded.position] = changed
    return changes


def _prefix(recorded: Recorded, key: int) -> str:
    """Of the address that is demoted by another: the event is about that other one."""
    demoted = isinstance(recorded.event, PrimaryAddressSet) and recorded.event.address_id != key
    return f"addresses.{key}." if demoted else ""


def _difference(before: Any, after: Any, prefix: str) -> dict[str, tuple[Any, Any]]:
    kind = after or before
    names: Sequence[str] = kind.__struct_fields__ if kind else ()
    pairs = {name: (before and getattr(before, name), after and getattr(after, name)) for name in names}
    return {prefix + name: pair for name, pair in pairs.items() if pair[0] != pair[1] and name != BOOKKEEPING}
