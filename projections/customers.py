"""Customers with their figures."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec.structs import asdict, replace

from domain.customer import (
    CustomerEmailChanged,
    CustomerErased,
    CustomerMoved,
    CustomerNotesChanged,
    CustomerRegistered,
    CustomerRelabelled,
    CustomerRenamed,
    CustomerStatusChanged,
    UserAttached,
    UserDetached,
)
from domain.event import Recorded
from domain.value import Figures
from projections.projection import Projection, utc
from projections.table import Table


class CustomerRow(msgspec.Struct, frozen=True, gc=False):
    """`version` counts the events about the customer, its orders' included."""

    id: int
    user_id: int | None
    contact_id: int | None
    email: str
    first_name: str
    last_name: str
    status: str
    purchase_value: dict[str, int]
    purchase_count: int
    ltv: int
    first_purchase_date: datetime | None
    last_purchase_date: datetime | None
    aov: Decimal
    notes: str
    uuid: str
    country: str | None
    city: str | None
    state: str | None
    postcode: str | None
    created_at: datetime
    updated_at: datetime
    labels: tuple[int, ...]
    version: int


def keys(recorded: Recorded) -> tuple[int, ...]:
    customer_id, former = recorded.customer_id, recorded.former_customer_id
    if customer_id is None:
        return ()
    return (customer_id,) if former is None else (former, customer_id)


def evolve(id_: int, row: CustomerRow | None, recorded: Recorded) -> CustomerRow | None:
    """All but the figures, which come from the orders (see `with_figures`)."""
    if isinstance(recorded.event, CustomerRegistered):
        return _registered(id_, recorded.event, utc(recorded.occurred_at))
    if recorded.stream.category != "customer":
        return row and replace(row, version=row.version + 1)
    if row is None or isinstance(recorded.event, CustomerErased):
        return None
    at, version = utc(recorded.occurred_at), row.version + 1
    match recorded.event:
        case CustomerRenamed() | CustomerEmailChanged() | CustomerMoved() | CustomerNotesChanged() as change:
            return replace(row, updated_at=at, version=version, **asdict(change))
        case CustomerStatusChanged(status=status):
            return replace(row, updated_at=at, version=version, status=status)
        case CustomerRelabelled(labels=labels):
            return replace(row, version=version, labels=labels)
        case UserAttached(user_id=user_id):
            return replace(row, updated_at=at, version=version, user_id=user_id)
        case UserDetached():
            return replace(row, updated_at=at, version=version, user_id=None)
        case _:
            return replace(row, version=version)


def _registered(id_: int, event: CustomerRegistered, at: datetime) -> CustomerRow:
    return CustomerRow(
        id=id_,
        user_id=event.user_id,
        contact_id=event.contact_id,
        uuid=event.uuid,
        created_at=at,
        updated_at=utc(event.updated_at) if event.updated_at else at,
        labels=(),
        version=1,
        **asdict(event.profile),
        **asdict(Figures()),
    )


def with_figures(row: CustomerRow, figures: Figures) -> CustomerRow:
    """The row with figures as its orders give them; their dates are those of order rows."""
    return replace(row, **asdict(figures))


# What searches look into: name, email and id, folded once, when written. None has control characters, so a mark ends a
# part, and what is found lies within one.
EMAIL_MARK = "chr(10)"
ID_MARK = "chr(11)"
SEARCHED = f"fold(btrim(first_name || ' ' || last_name) || {EMAIL_MARK} || email || {ID_MARK} || id)"

# Texts that have no accents: folding them is no more than lower(), and a third of the price.
CODES = frozenset({"status", "country", "postcode", "uuid"})
SORTED_TEXTS = ("email", "first_name", "last_name", "status", "country", "state", "city", "postcode", "uuid")
SORTED = (
    "created_at", "updated_at", "ltv", "purchase_count", "aov", "first_purchase_date", "last_purchase_date", "user_id",
    "contact_id",
)  # fmt: skip


def _sorted_by(name: str, key: str | None = None) -> str:
    """The list in order of a column: forwards, backwards, and from a cursor. The same index serves ranges of it."""
    return f"CREATE INDEX customers_{name}_sort_idx ON customers ({key or name} NULLS FIRST, id)"


def _sorted_by_text(name: str) -> str:
    return _sorted_by(name, f'({"lower" if name in CODES else "fold"}({name})) COLLATE "C"')


CUSTOMERS: Projection[CustomerRow] = Projection(
    Table(
        "customers",
        CustomerRow,
        [
            f"ALTER TABLE customers ADD COLUMN searched text NOT NULL GENERATED ALWAYS AS ({SEARCHED}) STORED",
            # Plain search, and filters by parts of names and emails. One index for all costs a write less than two.
            "CREATE INDEX customers_search_idx ON customers USING gin (searched gin_trgm_ops)",
            # Which users have a customer.
            "CREATE INDEX customers_user_idx ON customers (user_id) WHERE user_id IS NOT NULL",
            # Filters by label.
            "CREATE INDEX customers_labels_idx ON customers USING gin (labels) WHERE labels <> '{}'",
            # Lists sorted by each column, and filters by it. All of them cost a write 60 to 70 microseconds; sorting
            # without them reads the whole table, which for a million customers takes seconds.
            *map(_sorted_by, SORTED),
            *map(_sorted_by_text, SORTED_TEXTS),
        ],
    ),
    keys,
    evolve,
)
