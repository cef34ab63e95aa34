"""Customers' figures, and the version that each is at: what orders change of a customer."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec.structs import astuple, replace

from domain.customer import CustomerErased, CustomerRegistered
from domain.event import Event
from domain.events import EVENTS
from domain.value import RULE, Figures
from projections.tables.projection import Change, Envelope, ErasedRows, Projection, gone, index_for_sorting
from projections.tables.table import Table


class FiguresRow(msgspec.Struct, frozen=True, gc=False):
    """`version` counts the events about the customer, its orders' included."""

    id: int
    version: int
    ltv: int
    purchase_count: int
    aov: Decimal
    first_purchase_date: datetime | None
    last_purchase_date: datetime | None
    purchase_value: dict[str, int]


NONE_YET = astuple(Figures())
SORTED = ("ltv", "purchase_count", "aov", "first_purchase_date", "last_purchase_date")


def _about(_event: Event, envelope: Envelope) -> tuple[int, ...]:
    customer_id, former = envelope.customer_id, envelope.former_customer_id
    if customer_id is None:
        return ()
    return (customer_id,) if former is None else (former, customer_id)


def _registered(id_: int, _row: FiguresRow | None, _event: CustomerRegistered, _envelope: Envelope) -> FiguresRow:
    return FiguresRow(id_, 1, *NONE_YET)


def _counted(_id: int, row: FiguresRow | None, _event: Event, _envelope: Envelope) -> FiguresRow | None:
    """The version; the figures themselves come from the orders (see `with_figures`)."""
    return row and replace(row, version=row.version + 1)


def with_figures(row: FiguresRow, figures: Figures) -> FiguresRow:
    """The row with figures as its orders give them; their dates are those of order rows."""
    return FiguresRow(row.id, row.version, *astuple(figures))


FIGURES: Projection[FiguresRow] = Projection(
    Table("figures", FiguresRow, [index_for_sorting("figures", name) for name in SORTED]),
    dict.fromkeys(EVENTS, Change(_about, _counted))
    | {CustomerRegistered: Change(_about, _registered, makes=True), CustomerErased: Change(_about, gone)},
    erased=ErasedRows("customers"),
    version=f"{RULE.name} {RULE.version}",
)
