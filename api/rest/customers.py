"""Customers: create, get, update, label, bulk actions."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from litestar.params import FromPath
from msgspec import Struct, field
from msgspec.structs import replace

from api.handling.as_of import Then, Zone, seen
from api.handling.serving import AnyRequest, Service, customer_in_path, found, id_in_path, serving
from api.handling.writes import Outcome, carry_out, just
from api.http.answer import Answer, answer
from api.http.reasons import Reason
from api.http.refusals import CustomerGone, Invalid, Rule
from api.http.request import read, read_input
from api.openapi.operation import get, patch, post, put
from api.presentation.customers import ShownCustomer, customer
from api.presentation.labels import carried_label
from api.presentation.values import Done
from api.rest.lists import added_to_customers
from api.rest.privacy import Erasure
from domain.customer import CUSTOMER_STATUSES
from domain.refusals import ClaimTaken, CustomerNotFound, UnknownLabel, UnknownUser, UserAlreadyAttached
from eventstore.postgres.connection import Session
from projections.fold.past import AsOf
from projections.queries.customers import LABEL, find_customer
from projections.queries.relations import OF_CUSTOMER, customer_relations
from service import customers, privacy
from service.customers import Registration, Update
from service.fields.choices import CUSTOMER_STATUS
from service.fields.compound import Chosen, Ids, Nested, Sent, Word
from service.fields.convert import items
from service.fields.customer import CustomerPatch, CustomerUpdate, NewCustomer, WholeUpdate
from service.fields.input import Input
from service.fields.kinds import Words
from service.fields.reader import Fields

GROUP = "Customers"
EMAIL_TAKEN = Invalid({"email": {"unique": "Another user has this email address."}}, Reason.USER_EMAIL_TAKEN)
TAKEN = ClaimTaken("customer-email", "jane@example.com"), ClaimTaken("user-link", "1"), UnknownUser(1), EMAIL_TAKEN
NO_ACTION = Rule(Reason.INVALID_ACTION, "Selected action is invalid")
NO_SELECTION = Rule(Reason.SELECTION_MISSING, "Customers selection is required")
NO_STATUS = Rule(Reason.INVALID_STATUS, "Provided customer status is not valid")
MAX_BULK = 1_000
ACTIONS = Words("", ("delete_customers", "change_customer_status"))


class OneCustomer(Struct):
    customer: ShownCustomer


class CustomerSaved(Struct):
    message: str
    data: ShownCustomer


class CustomerParams(Input):
    customer_only: Annotated[Any, Sent({"type": "string"}, about="`yes` leaves labels out.")] = None


class CustomerWanted(Input, kw_only=True):
    with_: Annotated[
        Sequence[str], Chosen(Words("", tuple(sorted(OF_CUSTOMER))), about="What to add to each customer.")
    ] = field(name="with", default=())
    params: Annotated[CustomerParams, Nested(CustomerParams, lenient=True)]
    as_of: Annotated[AsOf, Then()] = None
    user_tz: Annotated[str, Zone()] = ""


class LabelsToCarry(Input):
    labels: Annotated[list[int], Ids(example=[1], about="All the labels that the customer is to carry; none with [].")]


@dataclass(frozen=True)
class Selected(Ids):
    """None at all are refused in other words."""

    def take(self, fields: Fields, name: str, absent: Any) -> Any:
        return [] if fields.get(name) is None else super().take(fields, name, absent)


class Selection(Input, kw_only=True):
    """What a bulk action takes; its fields are read one after the other."""

    action: Annotated[str, Word(ACTIONS.schema, example="change_customer_status")]
    customer_ids: Annotated[list[int], Selected(MAX_BULK, skip_unfit=True, example=[1, 2, 3])]
    new_status: Annotated[
        str, Word(CUSTOMER_STATUS.schema, example="active", about="Required to change the status.")
    ] = ""


@post(
    "/customers", "Create a customer", GROUP, "customers/manage", takes=NewCustomer, answers=CustomerSaved,
    refuses=TAKEN, versioned="new",
)  # fmt: skip
async def create_customer(request: AnyRequest) -> Answer:
    """Nobody else may have the email address. A user of the store who has it is linked; `wp_user=yes` makes one where
    there is none.
    """
    service = serving(request)
    new = await read(request, NewCustomer, service.settings.name_mode)
    wanted = new.fill(Registration, profile=new.profile, makes_user=new.wp_user == "yes")
    return await carry_out(
        request,
        lambda unit: customers.register(unit, wanted, service.find_free_user),
        _saved(service, "Customer created successfully!"),
        within=email_as_sent,
        again=customers.CONTESTED,
    )


@get(
    "/customers/{customer_id:str}", "Get a customer", GROUP, "customers/view", takes=CustomerWanted,
    answers=OneCustomer, refuses=CustomerGone(), versioned=True,
)  # fmt: skip
async def get_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """With its labels, unless `params[customer_only]=yes`, and with what `with` asks for. The ETag is the version that
    `If-Match` takes.
    """
    service, id_, asked = serving(request), id_in_path(customer_id), await read(request, CustomerWanted)
    wanted = customer_relations(asked.with_) - {"labels"}  # which come with the customer
    async with seen(service, asked.as_of, id_) as view:
        row = found(await view.find_customer(id_), CustomerGone)
        [added] = await added_to_customers(view.on, [row], wanted) if wanted else [{}]
    made = customer(row, service.settings.store_url)
    if asked.params.customer_only != "yes":
        made.labels = [carried_label(dict(zip(LABEL, each, strict=True))) for each in row["labelled"]]
        made.selected_labels = [each.id for each in made.labels]
    return answer(OneCustomer(replace(made, **added)), version=row["version"])


@put(
    "/customers/{customer_id:str}", "Update a customer", GROUP, "customers/manage", takes=WholeUpdate,
    answers=CustomerSaved, refuses=(*TAKEN, UserAlreadyAttached, CustomerNotFound), versioned=True,
)  # fmt: skip
async def update_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Email and name are required; of all else, what is sent is changed and no more. A linked user follows. What
    changes nothing leads to no event.
    """
    id_ = customer_in_path(customer_id)
    return await _carry_out(request, id_, await read(request, WholeUpdate, serving(request).settings.name_mode))


@patch(
    "/customers/{customer_id:str}", "Change some fields of a customer", GROUP, "customers/manage", takes=CustomerPatch,
    answers=CustomerSaved, refuses=(*TAKEN, UserAlreadyAttached, CustomerNotFound), versioned=True,
)  # fmt: skip
async def patch_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """What is sent is changed and no more, and nothing is required; a blank or null clears what a customer may lack.
    Otherwise as the update.
    """
    id_ = customer_in_path(customer_id)
    return await _carry_out(request, id_, await read(request, CustomerPatch, serving(request).settings.name_mode))


async def _carry_out(request: AnyRequest, id_: int, wanted: CustomerUpdate) -> Answer:
    saved = _saved(serving(request), "Customer updated successfully!")
    update = Update(customer=wanted.change, user=wanted.of_user, user_id=wanted.user_id)
    return await carry_out(
        request, lambda unit: customers.update(unit, id_, update), saved, customer_id=id_, within=email_as_sent
    )


@put(
    "/customers/{customer_id:str}/additional-info", "Set a customer's labels", GROUP, "customers/manage",
    takes=LabelsToCarry, answers=CustomerSaved, versioned=True, refuses=(CustomerNotFound, UnknownLabel(7)),
)  # fmt: skip
async def set_labels(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """To exactly those in the list. The ones that are carried already change nothing."""
    id_ = customer_in_path(customer_id)
    labels = frozenset((await read(request, LabelsToCarry)).labels)
    saved = _saved(serving(request), "Customer updated successfully!", labels=sorted(labels))
    return await carry_out(request, lambda unit: customers.set_labels(unit, id_, labels), saved, customer_id=id_)


@post(
    "/customers/do-bulk-action", "Delete customers, or change their status", GROUP, "customers/manage",
    takes=(Selection, Erasure), answers=Done, refuses=(NO_ACTION, NO_SELECTION, NO_STATUS, CustomerNotFound),
)  # fmt: skip
async def do_bulk_action(request: AnyRequest) -> Answer:
    """For up to 1,000 customers, all or nothing; ids that nobody has are passed over. Deleting is erasing for good, and
    needs `customers/delete`, too.
    """
    fields = Fields(await read_input(request))
    selection = Selection.checked(fields)
    if not selection.customer_ids and not items(fields.values.get("customer_ids") or []):
        raise NO_SELECTION
    match selection.action:
        case "delete_customers":
            return await _erase_all(request, fields, selection.customer_ids)
        case "change_customer_status":
            return await _change_status(request, selection)
        case _:
            raise NO_ACTION


async def _erase_all(request: AnyRequest, fields: Fields, ids: list[int]) -> Answer:
    reason = Erasure.read(fields).reason
    fields.check()
    request.user.require("customers/delete")
    done = just(Done("Selected Customers has been deleted permanently"))
    return await carry_out(request, lambda unit: privacy.erase_registered(unit, ids, reason), done)


async def _change_status(request: AnyRequest, selection: Selection) -> Answer:
    ids = selection.customer_ids
    status = next((each for each in CUSTOMER_STATUSES if each == selection.new_status), None)
    if status is None:
        raise NO_STATUS
    done = just(Done("Customer Status has been changed"))
    return await carry_out(request, lambda unit: customers.change_status(unit, ids, status), done)


@contextmanager
def email_as_sent() -> Iterator[None]:
    """A user's email follows the customer's, and is refused under the name that was sent."""
    try:
        yield
    except ClaimTaken as taken:
        if taken.args[0] != "user-email":
            raise
        raise EMAIL_TAKEN from taken


def _saved(
    service: Service, message: str, *, labels: list[int] | None = None
) -> Callable[[Session, int], Awaitable[Outcome]]:
    """The customer as the command leaves it."""

    async def show(session: Session, id_: int) -> Outcome:
        row = found(await find_customer(session, id_), CustomerNotFound)
        made = customer(row, service.settings.store_url)
        if labels is not None:
            made.selected_labels = labels
        return Outcome(CustomerSaved(message, made), customer_id=id_, version=row["version"])

    return show


HANDLERS: list[Any] = [create_customer, get_customer, update_customer, patch_customer, set_labels, do_bulk_action]
