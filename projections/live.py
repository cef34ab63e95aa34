"""Writes the read models in the transaction of the events that they show."""

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg

from domain.address import AddressAdded
from domain.customer import CustomerErased, CustomerRegistered, UserAttached
from domain.event import Recorded, Stream
from domain.order import OrderPlaced, OrderTransferred
from domain.refusals import AmountTooLarge
from domain.user import UserErased
from domain.value import MAX_CENTS, Figures, OrderValue, figures
from eventstore.log import Connection
from eventstore.streams import to_uuid
from eventstore.transact import Conflict
from projections.addresses import ADDRESSES
from projections.customers import CUSTOMERS
from projections.figures import FIGURES, FiguresRow, with_figures
from projections.labels import LABELS
from projections.orders import ORDERS
from projections.projection import Projection
from projections.users import USERS

# In this order, always, so that no two writers wait for each other; figures are locked first and saved last, because
# they come from orders.
PROJECTIONS: tuple[Projection[Any], ...] = (FIGURES, CUSTOMERS, ORDERS, ADDRESSES, USERS, LABELS)

STANDING_USERS = "SELECT id FROM users WHERE id = ANY($1) ORDER BY id FOR SHARE"
ONCE_REGISTERED = "SELECT EXISTS (SELECT FROM stored_events WHERE originator_id = ANY($1))"
# What a replay builds, or keeps for a rollback, holds people too.
COPIES = r"SELECT nspname FROM pg_namespace WHERE nspname ~ '^(replay|former)_\d+$'"
FORGET_ANSWERS = "DELETE FROM answers WHERE customer_id = ANY($1) OR user_id = ANY($2)"
# What an event says that can't be applied may be in the error.
FORGET_ERRORS = """
    UPDATE replay_poison SET error = 'What it says is erased.'
    WHERE part = 'customer' AND ids && $1 OR part = 'user' AND ids && $2"""
FORGET = {
    FIGURES.name: "DELETE FROM {table} WHERE id = ANY($1)",
    CUSTOMERS.name: "DELETE FROM {table} WHERE id = ANY($1)",
    USERS.name: "DELETE FROM {table} WHERE id = ANY($1)",
    ADDRESSES.name: "DELETE FROM {table} WHERE customer_id = ANY($1)",
    ORDERS.name: """
        UPDATE {table} SET note = '', ip_address = '', billing_address = NULL, shipping_address = NULL
        WHERE customer_id = ANY($1)""",
}
VALUES = """
    SELECT customer_id, payment_status, total_paid, total_refund, rate, currency, created_at
    FROM orders WHERE customer_id = ANY($1)"""


async def project(connection: Connection, events: Sequence[Recorded]) -> None:
    """Apply the events to every read model, and forget stored answers and copies of those who are erased.

    Raises Conflict when an order's customer or a customer's user is gone, or an address's id taken; AmountTooLarge when
    a customer's figures would be.
    """
    try:
        await apply(connection, events, PROJECTIONS, may_refuse=True)
    except asyncpg.UniqueViolationError as error:  # someone else has just made the same row
        raise Conflict from error
    await _refuse_users_that_are_gone(connection, events)
    customers = [recorded.stream.id for recorded in events if isinstance(recorded.event, CustomerErased)]
    users = [recorded.stream.id for recorded in events if isinstance(recorded.event, UserErased)]
    if customers or users:
        await connection.execute(FORGET_ANSWERS, customers, users)
        await connection.execute(FORGET_ERRORS, customers, users)
        await _forget_copies(connection, customers, users)


async def _forget_copies(connection: Connection, customers: list[int], users: list[int]) -> None:
    """Raises Conflict when a copy vanishes meanwhile."""
    for (schema,) in await connection.fetch(COPIES):
        for name, forget in FORGET.items():
            table = f"{schema}.{name}"
            if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table):
                try:
                    await connection.execute(forget.format(table=table), users if name == USERS.name else customers)
                except asyncpg.UndefinedTableError as error:
                    raise Conflict from error


async def _refuse_users_that_are_gone(connection: Connection, events: Sequence[Recorded]) -> None:
    linked = {
        recorded.event.user_id
        for recorded in events
        if isinstance(recorded.event, CustomerRegistered | UserAttached) and recorded.event.user_id is not None
    }
    standing = {row["id"] for row in await connection.fetch(STANDING_USERS, list(linked))} if linked else set()
    # A user that was never here is another matter: an import keeps the link that it finds.
    missing = [to_uuid(Stream("user", user_id)) for user_id in linked - standing]
    if missing and await connection.fetchval(ONCE_REGISTERED, missing):
        raise Conflict


async def apply(
    connection: Connection,
    events: Sequence[Recorded],
    projections: Iterable[Projection[Any]],
    *,
    may_refuse: bool = False,
) -> None:
    """Apply the events to these read models, in the connection's search path. Recorded events are past refusing."""
    of_customers: dict[int, FiguresRow | None] = {}
    known: dict[int, FiguresRow] = {}
    for projection in projections:
        ids = {key for recorded in events for key in projection.keys(recorded)}
        if not ids:
            continue
        loaded: dict[int, Any] = await projection.table.load(connection, ids)
        rows: dict[int, Any] = dict(loaded)
        if may_refuse and projection is ADDRESSES:
            _refuse_taken_ids(rows, events)
        projection.fold(rows, events)
        if projection is FIGURES:
            of_customers, known = rows, loaded
            if may_refuse:
                _refuse_orders_of_nobody(of_customers, events)
        else:
            await projection.table.save(connection, rows, loaded)
    if of_customers:
        await _sum(connection, of_customers, events)
        await FIGURES.table.save(connection, of_customers, known)


def _refuse_orders_of_nobody(of_customers: dict[int, FiguresRow | None], events: Sequence[Recorded]) -> None:
    for recorded in events:
        gone = of_customers.get(recorded.customer_id or 0) is None
        if gone and isinstance(recorded.event, OrderPlaced | OrderTransferred):
            raise Conflict


def _refuse_taken_ids(addresses: dict[int, Any], events: Sequence[Recorded]) -> None:
    """An address's id is unique among all customers, of which its stream knows one."""
    for recorded in events:
        if isinstance(recorded.event, AddressAdded) and recorded.event.address_id in addresses:
            raise Conflict


async def _sum(connection: Connection, of_customers: dict[int, FiguresRow | None], events: Sequence[Recorded]) -> None:
    """In place, for the customers whose orders have changed."""
    of_orders = [recorded for recorded in events if recorded.stream.category == "order"]
    if changed := {id_ for recorded in of_orders for id_ in FIGURES.keys(recorded)}:
        sums = await figures_of(connection, changed)
        for id_ in changed:
            if row := of_customers.get(id_):
                of_customers[id_] = with_figures(row, _kept_exact(sums.get(id_, Figures())))


def _kept_exact(figures: Figures) -> Figures:
    largest = max(figures.ltv, *figures.purchase_value.values(), 0)
    if largest > MAX_CENTS:
        raise AmountTooLarge(largest, MAX_CENTS)
    return figures


async def figures_of(on: Connection, customer_ids: Iterable[int]) -> dict[int, Figures]:
    """Figures from the orders as they stand, of the customers that have any."""
    orders: dict[int, list[OrderValue]] = {}
    for customer_id, *value in await on.fetch(VALUES, list(customer_ids)):
        orders.setdefault(customer_id, []).append(OrderValue(*value))
    return {customer_id: figures(values) for customer_id, values in orders.items()}
