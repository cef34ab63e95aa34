"""Customers: create, get, update, label, bulk actions."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from litestar import get, patch, post, put
from litestar.params import FromPath
from msgspec import UNSET

from api.handling.as_of import read_as_of, seen
from api.handling.serving import AnyRequest, Service, customer_in_path, id_in_path, needs, serving
from api.handling.writes import Shown, carry_out, just
from api.http.answer import Answer, answer
from api.http.refusals import CustomerGone, Invalid, Rule
from api.http.request import read_input
from api.presentation.names import split_full_name
from api.presentation.records import Row, customer, customer_label
from api.process.settings import NameMode
from api.rest.erasure import read_reason
from api.rest.lists import added_to_customers
from domain.customer import ACTIVE, CUSTOMER_STATUSES, LOCATION, ChangeCustomer, CustomerProfile
from domain.refusals import ClaimTaken, CustomerNotFound
from domain.user import ChangeUserProfile
from eventstore.log.log import Session
from projections.queries.customers import LABEL, find_customer
from projections.queries.relations import OF_CUSTOMER, customer_relations
from service import customers, privacy
from service.customers import Registration, Update
from service.fields.convert import items
from service.fields.reader import Fields, Reader
from service.reasons import Reason

MAX_NOTES = 65_535
MAX_BULK = 1_000


@post("/customers", opt=needs("customers/manage"), summary="Create a customer", status_code=200)
async def create_customer(request: AnyRequest) -> Answer:
    """Nobody else may have the email address. A user of the store who has it is linked; `wp_user=yes` makes one where
    there is none.
    """
    service, fields = serving(request), Fields(await read_input(request))
    wanted = _registration(fields, service.settings.name_mode)
    fields.check()
    return await carry_out(
        request,
        lambda unit: customers.register(unit, wanted, service.find_free_user),
        _shown(service, "Customer created successfully!"),
        within=email_as_sent,
        again=customers.CONTESTED,
    )


@get("/customers/{customer_id:str}", opt=needs("customers/view"), summary="Get a customer")
async def get_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """With its labels, unless `params[customer_only]=yes`, and with what `with` asks for. The ETag is the version that
    `If-Match` takes.
    """
    service, id_ = serving(request), id_in_path(customer_id)
    fields = Fields(await read_input(request))
    names = fields.optional(absent=list[str](), empty=list[str]()).words("with", OF_CUSTOMER)
    as_of = read_as_of(fields)
    fields.check()
    wanted = customer_relations(names) - {"labels"}  # which come with the customer
    async with seen(service, as_of, id_) as view:
        row = await view.find_customer(id_)
        if row is None:
            raise CustomerGone
        [added] = await added_to_customers(view.on, [row], wanted) if wanted else [{}]
    body = customer(row, service.settings.store_url) | ({} if _customer_only(fields) else _labels(row))
    return answer({"customer": body | added}, version=row["version"])


def _labels(row: Row) -> dict[str, Any]:
    labels = [customer_label(dict(zip(LABEL, each, strict=True))) for each in row["labelled"]]
    return {"selected_labels": [each["id"] for each in labels], "labels": labels}


def _customer_only(fields: Fields) -> bool:
    params = fields.values.get("params")
    return isinstance(params, dict) and params.get("customer_only") == "yes"


@put("/customers/{customer_id:str}", opt=needs("customers/manage"), summary="Update a customer")
async def update_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Email and name are required; of all else, what is sent is changed and no more. A linked user follows. What
    changes nothing leads to no event.
    """
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    wanted = _update(fields, fields.required, service.settings.name_mode)
    fields.check()
    return await _carry_out(request, id_, wanted)


@patch("/customers/{customer_id:str}", opt=needs("customers/manage"), summary="Change some fields of a customer")
async def patch_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """What is sent is changed and no more, and nothing is required; a blank or null clears what a customer may lack.
    Otherwise as the update.
    """
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    wanted = _update(fields, fields.if_sent, service.settings.name_mode)
    fields.check_all()
    return await _carry_out(request, id_, wanted)


async def _carry_out(request: AnyRequest, id_: int, wanted: Update) -> Answer:
    show = _shown(serving(request), "Customer updated successfully!")
    return await carry_out(
        request, lambda unit: customers.update(unit, id_, wanted), show, customer_id=id_, within=email_as_sent
    )


@put("/customers/{customer_id:str}/additional-info", opt=needs("customers/manage"), summary="Set a customer's labels")
async def set_labels(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """To exactly those in the list. The ones that are carried already change nothing."""
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    wanted = frozenset(fields.required.ids("labels"))
    fields.check()
    show = _shown(service, "Customer updated successfully!", labels=sorted(wanted))
    return await carry_out(request, lambda unit: customers.set_labels(unit, id_, wanted), show, customer_id=id_)


@post(
    "/customers/do-bulk-action",
    opt=needs("customers/manage"),
    summary="Delete customers, or change their status",
    status_code=200,
)
async def do_bulk_action(request: AnyRequest) -> Answer:
    """For up to 1,000 customers, all or nothing; ids that nobody has are passed over. Deleting is erasing for good, and
    needs `customers/delete`, too.
    """
    fields = Fields(await read_input(request))
    ids = _selection(fields)
    match _word(fields, "action"):
        case "delete_customers":
            return await _erase_all(request, fields, ids)
        case "change_customer_status":
            return await _change_status(request, fields, ids)
        case _:
            raise Rule(Reason.INVALID_ACTION, "Selected action is invalid")


def _selection(fields: Fields) -> list[int]:
    ids = fields.optional(absent=list[int](), empty=list[int]()).ids(
        "customer_ids", max_items=MAX_BULK, skip_unfit=True
    )
    fields.check()
    if not ids and not items(fields.values.get("customer_ids") or []):
        raise Rule(Reason.SELECTION_MISSING, "Customers selection is required")
    return ids


async def _erase_all(request: AnyRequest, fields: Fields, ids: list[int]) -> Answer:
    reason = read_reason(fields)
    fields.check()
    request.user.require("customers/delete")
    done = just({"message": "Selected Customers has been deleted permanently", "data": ""})
    return await carry_out(request, lambda unit: privacy.erase_registered(unit, ids, reason), done)


async def _change_status(request: AnyRequest, fields: Fields, ids: list[int]) -> Answer:
    word = _word(fields, "new_status")
    status = next((each for each in CUSTOMER_STATUSES if each == word), None)
    if status is None:
        raise Rule(Reason.INVALID_STATUS, "Provided customer status is not valid")
    done = just({"message": "Customer Status has been changed", "data": ""})
    return await carry_out(request, lambda unit: customers.change_status(unit, ids, status), done)


def _word(fields: Fields, name: str) -> str:
    """Trimmed, as all text is; "" for what is none."""
    value = fields.values.get(name)
    return value.strip() if isinstance(value, str) else ""


def _names(fields: Fields, main: Reader[Any], mode: NameMode) -> tuple[str | None, str | None]:
    """First and last name, as the store asks for them; None for what was not sent."""
    if mode == "full_name":
        full_name = main.text("full_name")
        return (None, None) if full_name is None else split_full_name(full_name or "-")
    return main.text("first_name"), fields.optional(absent=None, empty="").text("last_name")


def _registration(fields: Fields, mode: NameMode) -> Registration:
    optional = fields.optional(absent=None, empty=None)
    first_name, last_name = _names(fields, fields.required, mode)
    profile = CustomerProfile(
        email=fields.required.email("email"),
        first_name=first_name or "",
        last_name=last_name or "",
        status=optional.choice("status", CUSTOMER_STATUSES) or ACTIVE,
        notes=optional.text("notes", max_length=MAX_NOTES, lines=True) or "",
        country=optional.country("country"),
        **{name: optional.text(name) for name in LOCATION[1:]},
    )
    return Registration(
        profile=profile,
        user_id=optional.id("user_id"),
        user_url=optional.text("user_url") or "",
        makes_user=_word(fields, "wp_user") == "yes",
    )


def _update(fields: Fields, main: Reader[Any], mode: NameMode) -> Update:
    """`main` reads email and name."""
    email = main.email("email")
    first_name, last_name = _names(fields, main, mode)
    place = fields.optional(absent=UNSET, empty=None)
    sent = fields.optional(absent=None, empty="")
    change = ChangeCustomer(
        email=email,
        first_name=first_name,
        last_name=last_name,
        status=fields.optional(absent=None, empty=ACTIVE).choice("status", CUSTOMER_STATUSES),
        notes=sent.text("notes", max_length=MAX_NOTES, lines=True),
        country=place.country("country"),
        state=place.text("state"),
        city=place.text("city"),
        postcode=place.text("postcode"),
    )
    of_user = ChangeUserProfile(
        display_name=sent.text("display_name"),
        user_nicename=sent.text("user_nicename"),
        user_url=sent.text("user_url"),
    )
    return Update(customer=change, user=of_user, user_id=fields.optional(absent=UNSET, empty=None).id("user_id"))


@contextmanager
def email_as_sent() -> Iterator[None]:
    """A user's email follows the customer's, and is refused under the name that was sent."""
    try:
        yield
    except ClaimTaken as taken:
        if taken.args[0] != "user-email":
            raise
        problem = "Another user has this email address."
        raise Invalid({"email": {"unique": problem}}, Reason.USER_EMAIL_TAKEN) from taken


def _shown(
    service: Service, message: str, *, labels: list[int] | None = None
) -> Callable[[Session, int], Awaitable[Shown]]:
    """The customer as the command leaves it."""

    async def show(session: Session, id_: int) -> Shown:
        row = await find_customer(session, id_)
        if row is None:
            raise CustomerNotFound
        data = customer(row, service.settings.store_url)
        if labels is not None:
            data["selected_labels"] = labels
        return Shown({"message": message, "data": data}, customer_id=id_, version=row["version"])

    return show


HANDLERS: list[Any] = [create_customer, get_customer, update_customer, patch_customer, set_labels, do_bulk_action]
