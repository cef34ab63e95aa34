"""What a client may ask to be replayed."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args

from msgspec import field

from domain.value import RULES
from projections.fold.ranges import Range, customers_named
from projections.models import PROJECTIONS
from projections.replay.registry import ReplayRequest
from projections.tables.swap import Swap
from service.fields.input import Input, fields_of
from service.fields.kinds import Id, OneOf, Schema, Text, Words
from service.fields.reader import Fields

NAMES = tuple(projection.name for projection in PROJECTIONS)
OF_CUSTOMERS = tuple(projection.name for projection in PROJECTIONS if projection.part == "customer")
# Left empty or null, as by a script whose variable is, each would mean everybody, or a replay where none is wanted.
EMPTY = "may not be empty."
RULE = OneOf(
    Words("", tuple(RULES)),
    about="Only tell what all customers' figures would be under this rule.",
    filled=True,
    never_blank=EMPTY,
)


@dataclass(frozen=True)
class Customers(Text):
    schema: ClassVar[Schema] = {"type": ["string", "integer"], "pattern": "^[1-9][0-9]*(-[1-9][0-9]*)?$", "minimum": 1}


class ReplayWanted(Input, forbid_unknown_fields=True):
    """With `what_if` nothing is replayed, and no other field may be sent."""

    what_if: Annotated[str | None, RULE] = None
    projection: Annotated[
        str | None, OneOf(Words("", NAMES), example="figures", about="This one alone, instead of all.")
    ] = None
    since: Annotated[
        int | None,
        Id(
            about="Those of whom something has happened from this position of the log on.",
            filled=True,
            never_blank=EMPTY,
        ),
    ] = field(name="from", default=None)
    customers: Annotated[
        str | None,
        Customers(
            about="This customer alone, or those from one id to another, such as 5-9.", filled=True, never_blank=EMPTY
        ),
    ] = None
    customer_id: Annotated[
        int | None, Id(about="As `customers`: this one alone, or the first of some.", filled=True, never_blank=EMPTY)
    ] = None
    last_customer_id: Annotated[int | None, Id(filled=True, never_blank=EMPTY)] = None
    swap: Annotated[
        Swap | None,
        OneOf(
            Words("", get_args(Swap)),
            about="When rebuilt rows take the place of the live ones; never, if not given.",
        ),
    ] = None

    def check(self, fields: Fields) -> None:
        if self.what_if is not None:
            problem = "has no meaning beside what_if, which tells of all customers' figures."
            others = [known.sent_as for known in fields_of(type(self)) if known.name != "what_if"]
            fields.refuse_unless_refused((name, "invalid", problem) for name in others if fields.get(name) is not None)
        elif self.customers is not None:
            if customers_named(self.customers) is None:
                problem = "must be an id, or two with a hyphen between, such as 5-9."
                fields.refuse_unless_refused([("customers", "invalid", problem)])
            if self.customer_id is not None or self.last_customer_id is not None:
                fields.refuse("customers", "invalid", "has no meaning beside customer_id, which says the same.")
        elif (last := self.last_customer_id) is not None and (self.customer_id is None or last < self.customer_id):
            fields.refuse("last_customer_id", "min", "must be at least customer_id.")
        if self.is_of_some and self.projection and self.projection not in OF_CUSTOMERS:
            problem = f"must be one of customers' own, {', '.join(OF_CUSTOMERS)}, for some of them."
            fields.refuse("projection", "in", problem)

    @property
    def is_of_some(self) -> bool:
        return self.range is not None or self.since is not None

    @property
    def range(self) -> Range | None:
        if self.customers is not None:
            return customers_named(self.customers)
        first = self.customer_id
        return None if first is None else Range("customer", first, self.last_customer_id or first)

    def asked(self, actor: str) -> ReplayRequest:
        everything = OF_CUSTOMERS if self.is_of_some else NAMES
        return ReplayRequest(
            projections=(self.projection,) if self.projection else everything,
            swap=self.swap or "never",
            customers=self.range,
            since=self.since,
            started_by=actor,
        )
