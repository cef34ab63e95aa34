"""The columns of the list of customers: those that REST sorts by, as people read them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

from api.console.filters import money, number
from api.console.personal import Veil
from api.handling.filters import MONEY
from projections.queries.customers import LISTING
from projections.queries.language.columns import Kind
from projections.tables.table import Shown

COOKIE = "custodiary-columns"
NAME = "name"  # always the first, made of two
TITLES = {"ltv": "Lifetime value", "aov": "Average order", "purchase_count": "Purchases", "uuid": "UUID", "id": "Id",
          "user_id": "User", "contact_id": "Contact", "first_purchase_date": "First purchase",
          "last_purchase_date": "Last purchase", "created_at": "Since", "updated_at": "Changed"}  # fmt: skip
_OTHERS = {"id", "first_name", "last_name", "email"}  # are in the first one
# Figures behind all else, and the one that has a meter last.
EVERY = tuple(
    sorted(LISTING.columns.keys() - _OTHERS, key=lambda it: (it == "ltv", LISTING.columns[it].alias == "f", it))
)
USUAL = ("country", "purchase_count", "last_purchase_date", "ltv")
PERSONAL = frozenset({"city", "state", "postcode"})

CellKind: TypeAlias = Literal["text", "number", "time"]


class ColumnView(NamedTuple):
    name: str
    title: str
    kind: CellKind
    is_chosen: bool


class ListedPerson(NamedTuple):
    """`name` is the email where there is no name."""

    id: int
    name: str
    email: str


class Cell(NamedTuple):
    """`text` is for people and files; a time is there, too, for the script."""

    kind: CellKind
    text: str
    at: datetime | None = None


def chosen(asked: Sequence[str], cookie: str | None) -> tuple[str, ...]:
    """What the address names, else what was chosen last, else the usual."""
    named = asked or tuple((cookie or "").split("."))
    return tuple(name for name in EVERY if name in named) or USUAL


def title(name: str) -> str:
    return TITLES.get(name) or name.replace("_", " ").capitalize()


def kind(name: str) -> CellKind:
    match LISTING.columns[name].kind:
        case Kind.MOMENT:
            return "time"
        case Kind.INTEGER | Kind.NUMBER:
            return "number"
        case _:
            return "text"


def cell(name: str, row: Shown, currency: str, veil: Veil) -> Cell:
    value: Any = row[name]
    if value is None:
        return Cell(kind(name), "")
    if name in MONEY:
        return Cell("number", money(Decimal(str(value)), currency))
    if kind(name) == "time":
        return Cell("time", str(value), datetime.fromisoformat(value))
    text = number(value) if name == "purchase_count" else str(value)
    return Cell(kind(name), veil.text(text) if name in PERSONAL else text)


def person(row: Shown, veil: Veil) -> ListedPerson:
    name = f"{row['first_name']} {row['last_name']}".strip()
    return ListedPerson(row["id"], veil.name(name) or veil.email(row["email"]), veil.email(row["email"]))
