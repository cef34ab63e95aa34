"""Customers: create, get, update, label, bulk actions."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

from litestar import get, patch, post, put
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from api.handling.as_of import read_as_of, seen
from api.handling.serving import AnyRequest, Service, customer_in_path, id_in_path, needs, serving
from api.handling.writes import Shown, carry_out, just
from api.http.answer import Answer, answer
from api.http.refusals import CustomerGone, Invalid, Rule
from api.http.request import read_input
from api.presentation.names import split_full_name
from api.presentation.records import customer, customer_label
from api.process.settings import NameMode
from api.rest.erasure import erase, read_reason
from api.rest.lists import added_to_customers
from api.rest.users import attach, free_user
from domain.customer import (
    ACTIVE,
    CUSTOMER,
    CUSTOMER_STATUSES,
    LOCATION,
    ChangeCustomer,
    CustomerProfile,
    DetachUser,
    EraseCustomer,
    RegisterCustomer,
    RelabelCustomer,
)
from domain.event import Command
from domain.refusals import ClaimTaken, CustomerNotFound
from eventstore.log.log import Session
from eventstore.store import Unit
from projections.queries.customers import LABEL, find_customer
from projections.queries.relations import OF_CUSTOMER, customer_relations
from service.fields.convert import items
from service.fields.reader import Fields, Reader
from service.reasons import Reason
from service.wordpress import create_user, let_user_follow

MAX_NOTES = 65_535
MAX_BULK = 1_000
EXISTING_LABELS = "SELECT id FROM labels WHERE id = ANY($1)"


class Change(NamedTuple):
    """What is asked of a customer, of the user that may be linked, and who that is to be."""

    customer: ChangeCustomer
    of_user: dict[str, str | None]
    user_id: int | UnsetType | None


@post("/customers", opt=needs("customers/manage"), summary="Create a customer", status_code=200)
async def create_customer(request: AnyRequest) -> Answer:
    """Nobody else may have the email address. A user of the store who has it is linked; `wp_user=yes` makes one where
    there is none.
    """
    service, fields = serving(request), Fields(await read_input(request))
    optional = fields.optional(absent=None, empty=None)
    first_name, last_name = _names(fields, fields.required, service.settings.name_mode)
    profile = CustomerProfile(
        email=fields.required.email("email"),
        first_name=first_name or "",
        last_name=last_name or "",
        status=optional.choice("status", CUSTOMER_STATUSES) or ACTIVE,
        notes=optional.text("notes", max_length=MAX_NOTES, lines=True) or "",
        country=optional.country("country"),
        **{name: optional.text(name) for name in LOCATION[1:]},
    )
    user_id, user_url = optional.id("user_id"), optional.text("user_url") or ""
    wants_user = _word(fields, "wp_user") == "yes"
    fields.check()

    async def work(unit: Unit) -> int:
        id_ = await unit.new_id(CUSTOMER)
        named = None if user_id is None else await free_user(unit, user_id)
        linked = await service.find_free_user(profile.email) or named
        if linked is None and wants_user:
            linked = await create_user(unit, profile, user_url)
        await unit.decide(CUSTOMER, id_, RegisterCustomer(profile=profile, uuid=uuid4().hex, user_id=linked))
        return id_

    show = _shown(service, "Customer created successfully!")
    # Who took the login, or the user with this email, meanwhile: another login will do, or no user.
    return await carry_out(request, work, show, within=email_as_sent, again={"user-login", "user-link"})


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
    body = customer(row, service.settings.store_url)
    if not _customer_only(fields):
        labels = [customer_label(dict(zip(LABEL, each, strict=True))) for each in row["labelled"]]
        body |= {"selected_labels": [each["id"] for each in labels], "labels": labels}
    return answer({"customer": body | added}, version=row["version"])


def _customer_only(fields: Fields) -> bool:
    params = fields.values.get("params")
    return isinstance(params, dict) and params.get("customer_only") == "yes"


@put("/customers/{customer_id:str}", opt=needs("customers/manage"), summary="Update a customer")
async def update_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Email and name are required; of all else, what is sent is changed and no more. A linked user follows. What
    changes nothing leads to no event.
    """
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    asked = _change(fields, fields.required, service.settings.name_mode)
    fields.check()
    return await _update(request, id_, asked)


@patch("/customers/{customer_id:str}", opt=needs("customers/manage"), summary="Change some fields of a customer")
async def patch_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """What is sent is changed and no more, and nothing is required; a blank or null clears what a customer may lack.
    Otherwise as the update.
    """
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    asked = _change(fields, fields.if_sent, service.settings.name_mode)
    fields.check_all()
    return await _update(request, id_, asked)


async def _update(request: AnyRequest, id_: int, asked: Change) -> Answer:
    """A linked user follows what changes."""
    change, of_user, user_id = asked

    async def work(unit: Unit) -> int:
        former = await unit.load(CUSTOMER, id_)
        await unit.decide(CUSTOMER, id_, change)
        if user_id is None:
            await unit.decide(CUSTOMER, id_, DetachUser())
        elif user_id is not UNSET and former and user_id != former.user_id:
            await attach(unit, id_, user_id)
        known = await unit.load(CUSTOMER, id_)
        if former and known and known.user_id:
            await let_user_follow(unit, known.user_id, former.profile, known.profile, **of_user)
        return id_

    show = _shown(serving(request), "Customer updated successfully!")
    return await carry_out(request, work, show, customer_id=id_, within=email_as_sent)


@put("/customers/{customer_id:str}/additional-info", opt=needs("customers/manage"), summary="Set a customer's labels")
async def set_labels(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """To exactly those in the list. The ones that are carried already change nothing."""
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    wanted = frozenset(fields.required.ids("labels"))
    fields.check()

    async def work(unit: Unit) -> int:
        known = await unit.load(CUSTOMER, id_)
        carried = known.labels if known else frozenset()
        existing = frozenset(row["id"] for row in await unit.pool.fetch(EXISTING_LABELS, list(wanted | carried)))
        if unknown := sorted(wanted - existing):
            raise Invalid({"labels": {"exists": f"There is no label {unknown[0]}."}}, Reason.UNKNOWN_LABEL)
        await unit.decide(CUSTOMER, id_, RelabelCustomer(labels=wanted, existing=existing))

        return id_

    message = "Customer updated successfully!"
    return await carry_out(request, work, _shown(service, message, labels=sorted(wanted)), customer_id=id_)


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
    ids, command, message = _bulk_action(Fields(await read_input(request)))
    if isinstance(command, EraseCustomer):
        request.user.require("customers/delete")

    async def work(unit: Unit) -> None:
        await unit.load_many(CUSTOMER, ids)
        standing = [id_ for id_ in ids if (known := await unit.load(CUSTOMER, id_)) and not known.erased]
        if not standing:
            raise CustomerNotFound
        if isinstance(command, EraseCustomer):
            await erase(unit, standing, command.reason)
            return
        for id_ in standing:
            await unit.decide(CUSTOMER, id_, command)

    return await carry_out(request, work, just({"message": message, "data": ""}))


def _bulk_action(fields: Fields) -> tuple[list[int], Command, str]:
    """Checks the selection, the action and the status, in this order."""
    ids = fields.optional(absent=list[int](), empty=list[int]()).ids(
        "customer_ids", max_items=MAX_BULK, skip_unfit=True
    )
    fields.check()
    if not ids and not items(fields.values.get("customer_ids") or []):
        raise Rule(Reason.SELECTION_MISSING, "Customers selection is required")
    match _word(fields, "action"):
        case "delete_customers":
            reason = read_reason(fields)
            fields.check()
            return ids, EraseCustomer(reason=reason), "Selected Customers has been deleted permanently"
        case "change_customer_status":
            status = _word(fields, "new_status")
            if status not in CUSTOMER_STATUSES:
                raise Rule(Reason.INVALID_STATUS, "Provided customer status is not valid")
            return ids, ChangeCustomer(status=status), "Customer Status has been changed"
        case _:
            raise Rule(Reason.INVALID_ACTION, "Selected action is invalid")


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


def _change(fields: Fields, main: Reader[Any], mode: NameMode) -> Change:
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
    of_user = {name: sent.text(name) for name in ("display_name", "user_nicename", "user_url")}
    return Change(change, of_user, fields.optional(absent=UNSET, empty=None).id("user_id"))


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
