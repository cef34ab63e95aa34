"""Everything that is stored about a customer, for that person: rows, events, and what is stored beside them."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import asyncpg
from eventsourcing.persistence import MapperDeserialisationError

from domain.customer import CUSTOMER, Customer
from domain.event import Stream
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from eventstore.postgres.stream_ids import to_uuid
from projections.history.pages import NEWEST, Entry, customer_history, streams_history
from projections.models.addresses import ADDRESSES
from projections.models.orders import ORDERS
from projections.models.users import USERS
from projections.queries.customers import find_customer
from projections.queries.relations import LABELS_NAMED
from projections.tables.table import Shown

PAGE = 1_000
ADDRESSES_OF = f"SELECT {ADDRESSES.table.shown} FROM addresses WHERE customer_id = $1 ORDER BY id"
ORDERS_OF = f"SELECT {ORDERS.table.shown} FROM orders WHERE customer_id = $1 ORDER BY id"
USERS_OF = f"SELECT {USERS.table.shown} FROM users WHERE id = ANY($1) ORDER BY id"
CLAIMS_OF = "SELECT kind, value FROM claims WHERE originator_id = ANY($1) ORDER BY kind, value"
ANSWERS_OF = """
    SELECT actor, key, answered_at, status, body FROM answers WHERE customer_id = $1 OR user_id = ANY($2)
    ORDER BY answered_at, actor, key"""
KEYS_OF = """
    SELECT originator_id, since, until, wrapped IS NULL AS is_destroyed FROM stream_keys
    WHERE originator_id = ANY($1) ORDER BY originator_id, since"""
# What the export has, in numbers.
HELD = """
    SELECT (SELECT count(*) FROM addresses WHERE customer_id = $1) AS addresses,
        (SELECT count(*) FROM orders WHERE customer_id = $1) AS orders,
        (SELECT array_agg(id ORDER BY id) FROM users WHERE id = ANY($2)) AS users,
        (SELECT count(*) FROM (
            SELECT notification_id FROM stored_events WHERE customer_id = $1
            UNION SELECT notification_id FROM stored_events WHERE former_customer_id = $1
            UNION SELECT notification_id FROM inherited_events WHERE customer_id = $1) AS each) AS events,
        (SELECT count(*) FROM stored_events WHERE originator_id = ANY($3)) AS events_of_users,
        (SELECT count(*) FROM claims WHERE originator_id = ANY($4)) AS claims,
        (SELECT count(*) FROM answers WHERE customer_id = $1 OR user_id = ANY($2)) AS kept_answers,
        (SELECT count(*) FROM stream_keys WHERE originator_id = ANY($4)) AS keys"""

Rows = Sequence[asyncpg.Record]


class Export(NamedTuple):
    """The export. Events are newest first: the customer's with its orders', and those of users that it has or had."""

    customer: Shown
    labels: Rows
    addresses: Rows
    orders: Rows
    users: Rows
    events: list[Entry]
    of_users: list[Entry]
    claims: Rows
    answers: Rows
    keys: Rows


class HeldCounts(NamedTuple):
    """How much an export would have. `users` are the ids of those that are there."""

    customer: Shown
    users: list[int]
    counts: dict[str, int]


async def count_held(on: Connection, log: Log, customer_id: int) -> HeldCounts | None:
    """None for a customer that is erased or never existed. The connection must see one snapshot."""
    row = await find_customer(on, customer_id)
    if row is None:
        return None
    users, ids = await _streams(on, log, customer_id, row)
    found = await on.fetchrow(HELD, customer_id, users, ids[1:], ids)
    assert found is not None, "it has no FROM"
    counts = dict(found) | {"users": len(found["users"] or ())}
    return HeldCounts(row, found["users"] or [], counts)


async def export(on: Connection, log: Log, customer_id: int) -> Export | None:
    """The export of a customer; None if it is erased or never existed. The connection must see one snapshot."""
    row = await find_customer(on, customer_id)
    if row is None:
        return None
    users, ids = await _streams(on, log, customer_id, row)
    return Export(
        customer=row,
        labels=await on.fetch(LABELS_NAMED, row["labels"]),
        addresses=await on.fetch(ADDRESSES_OF, customer_id),
        orders=await on.fetch(ORDERS_OF, customer_id),
        users=await on.fetch(USERS_OF, users),
        events=await _events(on, log, customer_id),
        of_users=await streams_history(on, log, [Stream("user", id_) for id_ in users]),
        claims=await on.fetch(CLAIMS_OF, ids),
        answers=await on.fetch(ANSWERS_OF, customer_id, users),
        keys=await on.fetch(KEYS_OF, ids),
    )


async def _streams(on: Connection, log: Log, customer_id: int, row: Shown) -> tuple[list[int], list[UUID]]:
    """Users that it has or had; and its stream, with theirs behind it."""
    own = Stream("customer", customer_id)
    users = sorted({*await _users(on, log, own), *([] if row["user_id"] is None else [row["user_id"]])})
    return users, list(map(to_uuid, [own, *(Stream("user", id_) for id_ in users)]))


async def _users(on: Connection, log: Log, stream: Stream) -> frozenset[int]:
    """Every user that the customer has or had, as far as its events can be read."""
    state: Customer | None = None
    with suppress(MapperDeserialisationError):
        for recorded in await log.stream(on, stream):
            state = CUSTOMER.evolve(state, recorded.event)
    return state.users if state else frozenset()


async def _events(on: Connection, log: Log, customer_id: int) -> list[Entry]:
    entries: list[Entry] = []
    before: int | None = NEWEST
    while before is not None:
        page = await customer_history(on, log, customer_id, before=before, limit=PAGE)
        entries += page.entries
        before = page.before
    return entries
