"""Customers' figures, and the version that each is at: what orders change of a customer."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec.structs import asdict, replace

from domain.customer import CustomerErased, CustomerRegistered
from domain.event import Recorded
from domain.value import Figures
from projections.projection import Projection, index_for_sorting
from projections.table import Table


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


NONE_YET = asdict(Figures())
SORTED = ("ltv", "purchase_count", "aov", "first_purchase_date", "last_purchase_date")


def keys(recorded: Recorded) -> tuple[int, ...]:
    customer_id, former = recorded.customer_id, recorded.former_customer_id
    if customer_id is None:
        return ()
    return (customer_id,) if former is None else (former, customer_id)


def evolve(id_: int, row: FiguresRow | None, recorded: Recorded) -> FiguresRow | None:
    """The version; the figures themselves come from the orders (see `with_figures`)."""
    if isinstance(recorded.event, CustomerRegistered):
        return FiguresRow(id=id_, version=1, **NONE_YET)
    if row is None or isinstance(recorded.event, CustomerErased):
        return None
    return replace(row, version=row.version + 1)


def with_figures(row: FiguresRow, figures: Figures) -> FiguresRow:
    """The row with figures as its orders give them; their dates are those of order rows."""
    return replace(row, **asdict(figures))


FIGURES: Projection[FiguresRow] = Projection(
    Table("figures", FiguresRow, [index_for_sorting("figures", name) for name in SORTED]), keys, evolve
)
