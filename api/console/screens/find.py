"""Find: one box for whatever one knows a piece of, and for what one wants to do."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

from litestar import get

from api.console.door import needs
from api.console.filters import money
from api.console.listing import columns
from api.console.listing.address import ListAddress
from api.console.menu import EVERYDAY, OPERATE
from api.console.pages import page
from api.console.personal import Veil, veil_of
from api.handling.serving import AnyRequest, Service, serving
from api.http.html import Html
from api.http.paths import CONSOLE
from api.http.request import read
from domain.text.folding import folded
from eventstore.postgres.connection import Executor
from projections.queries import find
from projections.queries.language.columns import integer
from projections.queries.language.sql import storable
from projections.queries.lookups import label_values
from service.credentials.auth import Principal
from service.credentials.roles import Permission
from service.fields.compound import Word
from service.fields.input import Input

MOST_LABELS = 6
MAX_LENGTH = 200


class FindWanted(Input):
    q: Annotated[str, Word()] = ""


class Hit(NamedTuple):
    icon: str
    title: str
    note: str
    path: str


class FindView(NamedTuple):
    q: str
    groups: Mapping[str, list[Hit]]


class Action(NamedTuple):
    """What one may want to do; what is typed behind its first word goes to `parameter`."""

    words: str
    icon: str
    path: str
    permission: Permission
    parameter: str = ""


ACTIONS = (
    Action("Erase a person …", "shield", "/privacy", "customers/delete", "who"),
    Action("Export what is held about a person …", "shield", "/privacy", "users/view", "who"),
    Action("Replay …", "replay", "/replays", "replays/manage"),
    Action("Make a webhook …", "feed", "/feeds/new", "feeds/manage"),
    Action("Verify figures …", "scale", "/drift", "replays/manage"),
    Action("Verify the log …", "stamp", "/audit", "history/view"),
    Action("Make an application password …", "key", "/credentials", "credentials/own"),
)


@get("/find", opt=needs("customers/view"))
async def find_anything(request: AnyRequest) -> Html:
    q = (await read(request, FindWanted)).q[:MAX_LENGTH]
    groups = {title: hits for title, hits in (await _groups(request, q)).items() if hits} if storable(q) and q else {}
    return page(request, "find.html", FindView(q, groups))


async def _groups(request: AnyRequest, q: str) -> dict[str, list[Hit]]:
    service, user = serving(request), request.user
    on, groups = service.lists, {"Customers": await _customers(service.lists, q, veil_of(request))}
    if "orders/view" in user.permissions:
        groups["Orders"] = await _orders(on, q)
    if "labels/view" in user.permissions:
        groups["Labels"] = await _labels(on, q)
    if "history/view" in user.permissions:
        groups["Events"] = await _events(service, q)
    groups["Actions"] = [*_actions(q, user)]
    return groups


async def _customers(on: Executor, q: str, veil: Veil) -> list[Hit]:
    people = [columns.person(row, veil) for row in await find.customers(on, q)]
    return [Hit("person", each.name, each.email, f"{CONSOLE}/customers/{each.id}") for each in people]


async def _orders(on: Executor, q: str) -> list[Hit]:
    return [
        Hit("bag", f"Order {row['id']}", " · ".join(filter(None, (
            row["invoice_no"], row["receipt_number"], money(row["total_amount"], row["currency"])))),
            f"{CONSOLE}/customers/{row['customer_id']}?tab=orders#order-{row['id']}")
        for row in await find.orders(on, q)
    ]  # fmt: skip


async def _labels(on: Executor, q: str) -> list[Hit]:
    values = sorted((value, id_) for id_, value in (await label_values(on)).items() if folded(q) in folded(value))
    path = f"{CONSOLE}/customers/filter?condition=labels+labels+in&value="
    return [Hit("tag", value, "customers who have it", f"{path}{id_}") for value, id_ in values[:MOST_LABELS]]


async def _events(service: Service, q: str) -> list[Hit]:
    position, on = integer(q.strip()), service.lists
    known = [position] if position is not None and position > 0 and await find.is_event(on, position) else []
    requested = await find.events_of_request(on, q.strip())
    return [Hit("clock", f"Event {each}", note, f"{CONSOLE}/events/{each}") for note, positions in (
        ("by its position", known), (f"of this request, among the last {find.LOOKED_AT:,} recorded events", requested)
    ) for each in positions]  # fmt: skip


def _actions(q: str, user: Principal) -> Iterator[Hit]:
    word, _, rest = q.strip().partition(" ")
    for each in (*EVERYDAY, *OPERATE):
        if each.permissions & user.permissions and folded(each.label).startswith(folded(q.strip())):
            yield Hit(each.icon, each.label, "page", each.path)
    for action in ACTIONS:
        begins = any(part.startswith(folded(word)) for part in folded(action.words).split() if len(part) > 2)
        if begins and action.permission in user.permissions and (not rest or action.parameter):
            yield Hit(action.icon, action.words, rest, f"{CONSOLE}{action.path}{_with(action.parameter, rest)}")


def _with(parameter: str, text: str) -> str:
    return str(ListAddress("", ((parameter, text),))) if parameter and text else ""


ROUTES: list[Any] = [find_anything]
