"""Bulk actions on customers of the list: REST's two, each after a look at whom it is about."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from litestar import get, post
from msgspec.structs import replace

from api.console.door import needs
from api.console.forms import NEW, FilledForm, read_form, read_sent, refused_form, submit
from api.console.listing import columns
from api.console.listing.address import ListAddress
from api.console.listing.asking import read_list
from api.console.listing.file import PER_PAGE
from api.console.pages import page
from api.console.personal import veil_of
from api.handling.as_of import seen
from api.handling.serving import AnyRequest, serving
from api.http.html import Html, see_other
from api.http.paths import CONSOLE
from api.http.refusals import Invalid
from api.http.request import read, read_input
from api.rest.customers import MAX_BULK, NO_STATUS, Selection
from api.rest.privacy import Erasure
from domain.customer import CUSTOMER_STATUSES
from projections.queries.customers import find_customers, list_customers
from service import customers, privacy
from service.fields.reader import Fields

ERASE, CHANGE = "delete_customers", "change_customer_status"
LIST = f"{CONSOLE}/customers"


class BulkView(NamedTuple):
    """`people` is empty where none was chosen, or nothing to do; `too_many` is how many match where that is more than
    one action takes. `typed` is what confirms an erasure.
    """

    action: str
    status: str
    people: Sequence[columns.ListedPerson]
    typed: str
    form: FilledForm
    too_many: int = 0
    most: int = MAX_BULK


@get("/customers/bulk", opt=needs("customers/manage"))
async def look_whom(request: AnyRequest) -> Html:
    """A new status comes behind the action and a blank, as one choice. `whom` is `all` for everybody in the list that
    `listed` is the address of. Raises PermissionMissing, UnfitFields, QueryRefused.
    """
    asked, sent = await read(request, Selection), await read_input(request)
    action, _, status = asked.action.partition(" ")
    if sent.get("whom") != "all":
        return await _page(request, action, status, asked.customer_ids)
    total, ids = await _everybody(request, str(sent.get("listed", "")))
    if total > MAX_BULK:
        return page(request, "bulk.html", BulkView(action, status, [], "", NEW, too_many=total))
    return await _page(request, action, status, ids)


async def _everybody(request: AnyRequest, listed: str) -> tuple[int, list[int]]:
    """How many are in a list, and their ids, if they are no more than one action takes."""
    asked = read_list(ListAddress.of(LIST, listed.encode("latin-1", "replace")))
    query = replace(asked.query, page=1, cursor="", per_page=PER_PAGE)
    ids: list[int] = []
    async with seen(serving(request), asked.as_of) as then:
        while True:
            found = await list_customers(then.on, query, now=then.now, totals=then.totals)
            ids += [row["id"] for row in found.rows]
            if found.next_cursor is None or found.total > MAX_BULK:
                return found.total, ids
            query = replace(query, cursor=found.next_cursor)


@post("/customers/bulk", opt=needs("customers/manage"))
async def act(request: AnyRequest) -> Html:
    asked = await read_form(request, Selection)
    if refused := await refused_form(request, lambda: _act(request, asked)):
        return await _page(request, asked.action, asked.new_status, asked.customer_ids, refused)
    return see_other(LIST)


async def _act(request: AnyRequest, asked: Selection) -> None:
    ids = asked.customer_ids
    if asked.action == ERASE:
        request.user.require("customers/delete")
        sent = await read_sent(request)
        if sent.get("typed") != _typed(len(ids)):
            raise Invalid({"typed": {"in": f"Type: {_typed(len(ids))}"}})
        given = {"reason": sent["reason"]} if sent.get("reason") else {}
        reason = Erasure.checked(Fields(given)).reason
        await submit(request, lambda unit: privacy.erase_registered(unit, ids, reason))
        return
    if (status := next((each for each in CUSTOMER_STATUSES if each == asked.new_status), None)) is None:
        raise NO_STATUS
    await submit(request, lambda unit: customers.change_status(unit, ids, status))


async def _page(
    request: AnyRequest, action: str, status: str, ids: Sequence[int], form: FilledForm = NEW
) -> Html:  # fmt: skip
    if action == ERASE:
        request.user.require("customers/delete")
    rows = await find_customers(serving(request).store.pool, list(ids))
    people = [columns.person(row, veil_of(request)) for row in rows]
    view = BulkView(action, status, people if action in {ERASE, CHANGE} else [], _typed(len(people)), form)
    return page(request, "bulk.html", view, status=form.status)


def _typed(count: int) -> str:
    return f"erase {count}"


ROUTES: list[Any] = [look_whom, act]
