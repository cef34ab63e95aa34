"""The edit of a customer: its own fields, its labels, its user."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from litestar import get, post
from litestar.params import FromPath

from api.console.door import needs
from api.console.forms import NEW, FilledForm, read_form, refused_form, submit
from api.console.pages import page
from api.console.personal import veil_of
from api.console.screens.customer.conflict import EditConflict, find_conflict
from api.console.screens.customer.views.asked import PagePlace, place_of
from api.console.screens.customer.views.profile import LABELS, NOT_READ, full_name, values_of
from api.handling.serving import AnyRequest, customer_in_path, found, serving
from api.http.html import Html, see_other
from api.presentation.users import LinkedUser
from api.rest.customers import LabelsToCarry, email_as_sent
from api.rest.lists import added_to_customers
from api.rest.users import UserToAttach
from domain.customer import CUSTOMER_STATUSES
from domain.refusals import CustomerNotFound
from eventstore.store import Unit
from projections.queries.customers import find_customer
from projections.queries.lookups import every_label
from service import customers, users
from service.credentials.auth import PermissionMissing
from service.customers import Update
from service.fields.convert import items
from service.fields.customer import CustomerPatch
from service.fields.places import country_choices

PATH = "/customers/{customer_id:str}"


Work: TypeAlias = Callable[[Unit], Awaitable[Any]]


class LabelChoice(NamedTuple):
    id: int
    value: str
    is_carried: bool


class EditView(NamedTuple):
    """`values` are what the fields begin with; `forms` are those that were refused, by name."""

    place: PagePlace
    name: str
    version: int
    labels: Mapping[str, str]
    values: Mapping[str, str]
    statuses: list[tuple[str, str]]
    countries: list[tuple[str, str]]
    choices: list[LabelChoice]
    user: LinkedUser | None
    conflict: EditConflict | None
    forms: Mapping[str, FilledForm]

    def form(self, name: str) -> FilledForm:
        return self.forms.get(name, NEW)


@get(f"{PATH}/edit", opt=needs("customers/manage"))
async def show_edit(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    return await _edit_page(request, customer_in_path(customer_id), {})


@post(f"{PATH}/edit", opt=needs("customers/manage"))
async def edit(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    """Only what is sent changes. Browsers send line breaks as two characters, which nobody has typed."""
    id_, mode = customer_in_path(customer_id), serving(request).settings.name_mode

    async def work() -> None:
        wanted = await read_form(request, CustomerPatch, mode)
        update = Update(customer=wanted.change, user=wanted.of_user)
        await submit(request, lambda unit: customers.update(unit, id_, update), customer_id=id_, within=email_as_sent)

    form = await refused_form(request, work)
    if form is None:
        return see_other(place_of(request, id_).path)
    conflict = await find_conflict(request, id_, form.values) if form.is_late else None
    return await _edit_page(request, id_, {"profile": form}, conflict)


@post(f"{PATH}/labels", opt=needs("customers/manage"))
async def set_labels(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    async def read(id_: int) -> Work:
        labels = frozenset((await read_form(request, LabelsToCarry)).labels)
        return lambda unit: customers.set_labels(unit, id_, labels)

    return await _answer(request, customer_id, "labels", read)


@post(f"{PATH}/user", opt=needs("customers/manage"))
async def attach_user(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    async def read(id_: int) -> Work:
        user_id = (await read_form(request, UserToAttach)).user_id
        return lambda unit: users.attach(unit, id_, user_id)

    return await _answer(request, customer_id, "user", read)


@post(f"{PATH}/user/detach", opt=needs("customers/manage"))
async def detach_user(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    async def read(id_: int) -> Work:
        return lambda unit: users.detach(unit, id_)

    return await _answer(request, customer_id, "user", read)


async def _answer(request: AnyRequest, customer_id: str, name: str, read: Callable[[int], Awaitable[Work]]) -> Html:
    """The customer as it is then, or the form again."""
    id_ = customer_in_path(customer_id)

    async def act() -> None:
        await submit(request, await read(id_), customer_id=id_)

    form = await refused_form(request, act)
    return see_other(place_of(request, id_).path) if form is None else await _edit_page(request, id_, {name: form})


async def _edit_page(
    request: AnyRequest, id_: int, forms: Mapping[str, FilledForm], conflict: EditConflict | None = None
) -> Html:
    if veil_of(request, id_).is_drawn:
        raise PermissionMissing(["customers/personal"])
    service, place = serving(request), place_of(request, id_)
    row = found(await find_customer(service.store.pool, id_), CustomerNotFound)
    [added] = await added_to_customers(service.store.pool, [row], frozenset({"wpUser"}))
    known = await every_label(service.store.pool)
    carried = set(items(forms["labels"].values["labels"])) if "labels" in forms else set(map(str, row["labels"]))
    view = EditView(
        place=place,
        name=full_name(row) or row["email"],
        version=row["version"],
        labels={name: label for name, label in LABELS.items() if name not in NOT_READ[service.settings.name_mode]},
        values=values_of(row),
        statuses=[(status, status) for status in CUSTOMER_STATUSES],
        countries=[("", "None"), *country_choices()],
        choices=[LabelChoice(each["id"], each["value"], str(each["id"]) in carried) for each in known],
        user=added["wp_user"],
        conflict=conflict,
        forms=forms,
    )
    status = next((form.status for form in forms.values()), 200)
    return page(request, "customer_edit.html", view, status=status, api=f"/customers/{id_}")


ROUTES: list[Any] = [show_edit, edit, set_labels, attach_user, detach_user]
