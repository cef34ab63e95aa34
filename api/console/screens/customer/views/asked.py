"""What the address of a customer's page says: which tab, as of when, and what of it."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from api.console.personal import REVEALED
from api.handling.as_of import InTime
from api.handling.serving import AnyRequest
from api.http.paths import CONSOLE
from domain.events import TAGS
from domain.value import RULE, RULES
from service.fields.compound import Chosen
from service.fields.kinds import Flag, Id, Integer, OneOf, Text, Words

TABS = {"timeline": "Timeline", "ltv": "Why this value", "orders": "Orders", "addresses": "Addresses"}
FIGURES = {"ltv": "lifetime value", "aov": "average order", "purchase_count": "purchases"}
NOTHING = "nothing"  # was mended


class CustomerPageWanted(InTime, kw_only=True):
    tab: Annotated[str, OneOf(Words("", tuple(TABS)))] = "timeline"
    rule: Annotated[str, OneOf(Words("", tuple(RULES)))] = RULE.name
    type: Annotated[str | None, OneOf(Words("", TAGS))] = None
    actor: Annotated[str | None, Text()] = None
    before: Annotated[int | None, Id()] = None
    grouped: Annotated[bool, Flag()] = False
    skip: Annotated[int, Integer()] = 0
    order: Annotated[int | None, Id()] = None
    address: Annotated[int | None, Id()] = None
    mended: Annotated[Sequence[str], Chosen(Words("", (*FIGURES, NOTHING)))] = ()


class PagePlace(NamedTuple):
    """Where the reader is: addresses of the same page with something else in them."""

    customer_id: int
    sent: dict[str, str]

    @property
    def path(self) -> str:
        return f"{CONSOLE}/customers/{self.customer_id}"

    def to(self, **changes: Any) -> str:
        """The same page with these parameters; None takes one away."""
        query = {name: value for name, value in (self.sent | changes).items() if value not in (None, "")}
        return f"{self.path}?{urlencode(query)}" if query else self.path

    def tab(self, name: str) -> str:
        """Another tab, at the same time."""
        kept = {name: self.sent[name] for name in ("as_of", REVEALED) if name in self.sent}
        return PagePlace(self.customer_id, kept).to(tab=None if name == "timeline" else name)

    @property
    def as_of(self) -> str:
        """Where `at` goes, but for the position, which follows: a page has it in many links."""
        address = self.at(None)
        return f"{address}{'&' if '?' in address else '?'}as_of="

    def at(self, position: int | None) -> str:
        """The same tab as of a position, or now, from the newest event on."""
        return self.to(as_of=position, before=None, mended=None)

    def under(self, path: str) -> str:
        """A page below this customer's, which stays unveiled if this one is."""
        return f"{self.path}/{path}{self.unveiled}"

    @property
    def unveiled(self) -> str:
        """The query that other pages about this customer need to stay so."""
        token = self.sent.get(REVEALED)
        return f"?{urlencode({REVEALED: token})}" if token else ""


def place_of(request: AnyRequest, customer_id: int, tab: str = "timeline") -> PagePlace:
    """Where the address of the request leads, or where its form is."""
    known = {*CustomerPageWanted.__struct_fields__, REVEALED}
    sent = {name: value for name, value in request.query_params.items() if name in known}
    return PagePlace(customer_id, sent if tab == "timeline" else sent | {"tab": tab})
