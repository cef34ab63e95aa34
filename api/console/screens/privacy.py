"""The privacy desk: what is held about a person, handed over or erased, and receipts of erasures."""

from typing import Annotated, Any, NamedTuple

from litestar import get, post
from litestar.params import FromPath

from api.console.door import needs
from api.console.forms import NEW, FilledForm, read_form, refused_form, submit
from api.console.pages import page
from api.console.personal import veil_of
from api.handling.as_of import seen
from api.handling.listing import MAX_SEARCH
from api.handling.serving import AnyRequest, customer_in_path, serving
from api.http.html import Html, see_other
from api.http.paths import CONSOLE
from api.http.request import read
from api.presentation.privacy import Exported, ShownReceipt, held, receipt
from domain.refusals import CustomerNotFound
from eventstore.postgres.json import encode_numbers
from projections.queries.customers import find_customer, list_customers
from projections.queries.language.query import ListQuery
from projections.tables.table import Shown
from service import privacy
from service.fields.input import Input
from service.fields.kinds import Text
from service.fields.reader import UnfitFields
from service.privacy import MAX_REASON
from service.webhooks.told import find_receipt

PATH = f"{CONSOLE}/privacy"
FOUND, RECEIPTS = 10, 20
GONE = {404, 410}
NAMES = {
    "addresses": "addresses",
    "orders": "orders",
    "users": "users",
    "events": "events of the customer and its orders",
    "events_of_users": "events of its users",
    "claims": "claims, such as of its email",
    "kept_answers": "kept answers",
    "keys": "keys",
}


class WhoAsks(Input):
    who: Annotated[str, Text(MAX_SEARCH)] = ""


class ErasureForm(Input):
    reason: Annotated[str, Text(MAX_REASON)]
    typed: Annotated[str, Text(320)]


class PersonFound(NamedTuple):
    """`email` and `name` are masked for who may not see them."""

    id: int
    name: str
    email: str
    purchases: int
    is_masked: bool


class PrivacyView(NamedTuple):
    """`receipts` is None for who may not see them."""

    who: str
    found: list[PersonFound]
    receipts: list[ShownReceipt] | None


class PersonView(NamedTuple):
    """What is held in numbers, by what it is; `users` are erased with the customer."""

    person: PersonFound
    held: list[tuple[str, int]]
    events: int
    users: list[int]
    form: FilledForm


class ErasureView(NamedTuple):
    id: int
    receipt: ShownReceipt | None


@get("/privacy", opt=needs("users/view"))
async def show_privacy(request: AnyRequest) -> Html:
    who = (await read(request, WhoAsks)).who
    found = await _found(request, who) if who else []
    may_see = "history/view" in request.user.permissions
    receipts = await privacy.newest_receipts(serving(request).store, RECEIPTS) if may_see else None
    shown = None if receipts is None else list(map(receipt, receipts))
    return page(request, "privacy.html", PrivacyView(who, found, shown))


async def _found(request: AnyRequest, who: str) -> list[PersonFound]:
    request.user.require("customers/view")
    async with seen(serving(request), None) as view:
        listed = await list_customers(view.on, ListQuery(search=who, per_page=FOUND), now=view.now, totals=view.totals)
    return [_person(request, row) for row in listed.rows]


def _person(request: AnyRequest, row: Shown) -> PersonFound:
    veil, name = veil_of(request), f"{row['first_name']} {row['last_name']}".strip()
    return PersonFound(row["id"], veil.name(name), veil.email(row["email"]), row["purchase_count"], veil.is_drawn)


@get("/privacy/{customer_id:str}", opt=needs("users/view"))
async def show_person(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    return await _shown(request, customer_in_path(customer_id), NEW)


async def _shown(request: AnyRequest, id_: int, form: FilledForm) -> Html:
    """What is held, or left. Raises CustomerNotFound."""
    request.user.require("customers/view")
    try:
        found = await privacy.count_held(serving(request).store, id_)
    except CustomerNotFound:
        return await _erased(request, id_)
    counts = [(NAMES[name], count) for name, count in found.counts.items()]
    view = PersonView(_person(request, found.customer), counts, found.counts["events"], found.users, form)
    return page(request, "privacy_person.html", view, status=form.status, api=f"/customers/{id_}/export")


async def _erased(request: AnyRequest, id_: int) -> Html:
    found = await find_receipt(serving(request).store, id_)
    shown = receipt(found) if "history/view" in request.user.permissions else None
    return page(request, "privacy_erased.html", ErasureView(id_, shown), api=f"/customers/{id_}/erasure")


@get("/privacy/{customer_id:str}/export.json", opt=needs("users/view"))
async def export(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    """The same as REST answers, as a file."""
    request.user.require("customers/view")
    service, id_ = serving(request), customer_in_path(customer_id)
    whole = Exported(held(await privacy.export(service.store, id_), service.settings.store_url))
    name = f'attachment; filename="customer-{id_}.json"'
    return Html(
        encode_numbers(whole),
        headers=[(b"content-type", b"application/json"), (b"content-disposition", name.encode("ascii"))],
    )


@post("/privacy/{customer_id:str}/erase", status_code=303, opt=needs("customers/delete"))
async def erase(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    """Who sends it twice comes to what is left, like everybody after that."""
    request.user.require_all(["customers/manage", "customers/view"])
    id_ = customer_in_path(customer_id)
    form = await refused_form(request, lambda: _erase(request, id_))
    if form is None or form.status in GONE:
        return see_other(f"{PATH}/{id_}")
    return await _shown(request, id_, form)


async def _erase(request: AnyRequest, id_: int) -> None:
    customer = await find_customer(serving(request).store.pool, id_)
    if customer is None:
        raise CustomerNotFound
    wanted = await read_form(request, ErasureForm)
    if wanted.typed != customer["email"]:
        raise UnfitFields({"typed": {"in": "This is not the email of the customer that would be erased."}})
    await submit(request, lambda unit: privacy.erase(unit, [id_], wanted.reason))


ROUTES: list[Any] = [show_privacy, show_person, export, erase]
