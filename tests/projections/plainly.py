"""History the slow and plain way: one fold over the whole log, with nothing of the code that reads pages."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from domain.address import PrimaryAddressSet
from domain.customer import CustomerErased, OrderDetailsRecorded
from domain.event import Forgotten, Recorded
from domain.order import OrderTransferred
from domain.terms import OrderDetails
from eventstore.store import Store
from projections.models.addresses import ADDRESSES
from projections.models.customers import CUSTOMERS
from projections.models.labels import LABELS
from projections.models.orders import ORDERS
from projections.models.users import USERS
from projections.models.webhooks import WEBHOOKS

Changes = dict[str, tuple[Any, Any]]

DETAILS = frozenset({"note", "ip_address", "billing_address", "shipping_address"})
NOT_TOLD = {
    "orders": DETAILS | {"updated_at", "variations", "words_of"},
    "webhooks": frozenset({"updated_at", "version"}),
}


async def everything(store: Store) -> list[Recorded]:
    return [recorded async for page in store.log.pages(store.pool) for recorded in page]


def about(log: Sequence[Recorded], customer_id: int) -> list[Recorded]:
    """The customer's history, newest first: what names it, and what happened to an order before it came."""
    came = {
        recorded.stream: recorded.position
        for recorded in log
        if isinstance(recorded.event, OrderTransferred) and recorded.customer_id == customer_id
    }
    return [
        recorded
        for recorded in reversed(log)
        if customer_id in (recorded.customer_id, recorded.former_customer_id)
        or recorded.position < came.get(recorded.stream, 0)
    ]


def silenced(recorded: Recorded) -> Recorded:
    """Without its words."""
    has_words = getattr(recorded.event, "words", None) is not None
    return replace(recorded, event=replace(recorded.event, words=None)) if has_words else recorded


def changes(log: Sequence[Recorded], customer_id: int | None = None) -> dict[int, Changes | None]:
    """Changes by position, in a customer's history or the store's; None for what is forgotten."""
    if customer_id is not None:
        log = [recorded if recorded.customer_id == customer_id else silenced(recorded) for recorded in log]
    erased = {recorded.stream for recorded in log if isinstance(recorded.event, CustomerErased)}
    rows: dict[Any, Any] = {}
    forgotten = {
        recorded.position for recorded in log if recorded.stream in erased or isinstance(recorded.event, Forgotten)
    }
    return {recorded.position: None if recorded.position in forgotten else _changed(rows, recorded) for recorded in log}


def _changed(rows: dict[Any, Any], recorded: Recorded) -> Changes:
    event, changed = recorded.event, Changes()
    if isinstance(event, OrderDetailsRecorded):
        key = recorded.stream, event.order_id
        before = rows.get(key, OrderDetails())
        said = {name: value for name in DETAILS if (value := getattr(event.details, name)) is not None}
        rows[key] = OrderDetails(**{name: getattr(before, name) for name in DETAILS} | said)
        return _difference(before, rows[key], frozenset())
    for projection in (CUSTOMERS, ADDRESSES, ORDERS, USERS, LABELS, WEBHOOKS):
        if isinstance(event, CustomerErased):
            break
        for id_ in projection.keys(recorded):
            before = rows.get((projection.name, id_))
            rows[projection.name, id_] = after = projection.evolve(id_, before, recorded)
            demoted = isinstance(event, PrimaryAddressSet) and id_ != event.address_id
            said = _difference(before, after, NOT_TOLD.get(projection.name, frozenset({"updated_at"})))
            changed |= {f"addresses.{id_}.{name}" if demoted else name: pair for name, pair in said.items()}
    return changed


def _difference(before: Any, after: Any, not_told: frozenset[str]) -> Changes:
    changed: Changes = {}
    if before is after is None:
        return changed
    for name in (after if before is None else before).__struct_fields__:
        old, new = getattr(before, name, None), getattr(after, name, None)
        if name in not_told or old == new:
            continue
        if isinstance(old, list) and isinstance(new, list):
            for id_ in {item.id for item in old + new}:
                was, is_ = (next((item for item in items if item.id == id_), None) for items in (old, new))
                if was != is_:
                    changed[f"{name}.{id_}"] = was, is_
        else:
            changed[name] = old, new
    return changed
