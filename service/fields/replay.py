"""Reading from a request what is to be replayed."""

from typing import get_args

from domain.value import RULES
from projections.fold.ranges import Range, customers_named
from projections.models import PROJECTIONS
from projections.replay.registry import Asked
from projections.tables.swap import Swap
from service.fields.reader import Fields

NAMES = tuple(projection.name for projection in PROJECTIONS)
OF_CUSTOMERS = tuple(projection.name for projection in PROJECTIONS if projection.part == "customer")
SWAPS: tuple[Swap, ...] = get_args(Swap)
WHAT_IF = tuple(RULES)
# Left empty, as by a script whose variable is, each would mean everybody, or a replay where none is wanted.
NEVER_EMPTY = ("customers", "customer_id", "last_customer_id", "from", "what_if")


def read_what_if(fields: Fields) -> str | None:
    """The rule under which figures are asked for, or None: then it is a replay. Raises UnfitFields."""
    _refuse_empty(fields)
    rule = fields.optional(absent=None, empty=None).choice("what_if", WHAT_IF)
    if rule is None:
        return None
    for name in ("projection", "customers", "customer_id", "last_customer_id", "from", "swap"):
        if fields.get(name) is not None:
            fields.refuse(name, "invalid", "has no meaning beside what_if, which tells of all customers' figures.")
    fields.check_all()
    return rule


def read_replay(fields: Fields, actor: str) -> Asked:
    """Raises UnfitFields."""
    none = fields.optional(absent=None, empty=None)
    projection, since, customers = none.choice("projection", NAMES), none.id("from"), _customers(fields)
    is_of_some = customers is not None or since is not None
    if is_of_some and projection and projection not in OF_CUSTOMERS:
        problem = f"must be one of customers' own, {', '.join(OF_CUSTOMERS)}, for some of them."
        fields.refuse("projection", "in", problem)
    asked = Asked(
        projections=(projection,) if projection else OF_CUSTOMERS if is_of_some else NAMES,
        swap=none.choice("swap", SWAPS) or "never",
        customers=customers,
        since=since,
        started_by=actor,
    )
    fields.check_all()
    return asked


def _customers(fields: Fields) -> Range | None:
    none = fields.optional(absent=None, empty=None)
    said, first, last = none.text("customers"), none.id("customer_id"), none.id("last_customer_id")
    if said is not None:
        named = customers_named(said)
        if named is None:
            problem = "must be an id, or two with a hyphen between, such as 5-9."
            fields.refuse_unless_refused([("customers", "invalid", problem)])
        if first is not None or last is not None:
            fields.refuse("customers", "invalid", "has no meaning beside customer_id, which says the same.")
        return named
    if last is not None and (first is None or last < first):
        fields.refuse("last_customer_id", "min", "must be at least customer_id.")
    return None if first is None else Range("customer", first, last or first)


def _refuse_empty(fields: Fields) -> None:
    for name in NEVER_EMPTY:
        sent = fields.get(name)
        if isinstance(sent, str) and not sent.strip():
            fields.refuse(name, "required", "may not be empty.")
