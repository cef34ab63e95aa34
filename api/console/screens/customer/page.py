"""A customer's page: its tabs, now or as of any event, and what is left of one that is erased."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args
from urllib.parse import quote

from litestar import get
from litestar.params import FromPath

from api.console.door import needs
from api.console.forms import NEW, FilledForm, refused_form
from api.console.pages import page
from api.console.personal import Veil, veil_of
from api.console.screens.customer.views.addresses import AddressCard, AddressesTab, address_card, addresses_tab
from api.console.screens.customer.views.around import FigureCard, Person, TimePanel, figure_cards, person_of, time_panel
from api.console.screens.customer.views.asked import FIGURES, TABS, CustomerPageWanted, PagePlace, place_of
from api.console.screens.customer.views.orders import OrdersTab, orders_tab
from api.console.screens.customer.views.timeline import SentTo, TimelineTab, read_sent_to, read_timeline, timeline_tab
from api.console.screens.customer.views.value import ValueSummary, ValueTab, value_summary, value_tab
from api.handling.as_of import seen
from api.handling.serving import AnyRequest, Service, customer_in_path, found, serving
from api.http.html import Html, see_other
from api.http.request import read
from api.presentation.story.sentences import Names, names_of
from api.presentation.story.words import listed
from api.presentation.values import Row
from api.rest.lists import added_to_customers
from domain.address import ADDRESS_TYPES
from domain.customer import CustomerEvent
from domain.event import tag
from domain.order import OrderEvent
from domain.refusals import CustomerNotFound
from domain.value import RULES
from eventstore.postgres.connection import Executor
from projections.checks.course import Course
from projections.database import at_one_moment
from projections.fold.past import moment_of
from projections.history.pages import NEWEST, Page, was_registered
from projections.queries.customers import find_customer
from projections.queries.lookups import label_values
from projections.queries.orders import every_order
from service import figures
from service.fields.places import country_choices

# What each tab reads beside the customer.
RELATIONS: Mapping[str, frozenset[str]] = {
    "timeline": frozenset({"primary_billing_address", "primary_shipping_address"}),
    "ltv": frozenset(),
    "orders": frozenset(),
    "addresses": frozenset({"billing_address", "shipping_address"}),
}
NOTHING_SENT: Mapping[str, FilledForm] = {}
# Of events that may be in the history of a customer.
TYPES = tuple(sorted(map(tag, get_args(CustomerEvent | OrderEvent))))


class CustomerView(NamedTuple):
    """One of the tabs is there. `forms` are those that were refused, by name."""

    person: Person
    place: PagePlace
    time: TimePanel
    figures: list[FigureCard]
    currency: str
    tabs: Mapping[str, str]
    tab: str
    timeline: TimelineTab | None
    value: ValueTab | None
    summary: ValueSummary | None
    poison: int | None
    orders: OrdersTab | None
    addresses: AddressesTab | None
    primary: dict[str, AddressCard | None]
    types: tuple[str, ...]
    forms: Mapping[str, FilledForm]
    mended: str
    address_types: list[tuple[str, str]]
    countries: list[tuple[str, str]]

    def form(self, name: str) -> FilledForm:
        return self.forms.get(name, NEW)


class ErasedView(NamedTuple):
    place: PagePlace
    timeline: TimelineTab
    types: tuple[str, ...]


class CustomerRows(NamedTuple):
    """The customer's row at some moment, what belongs to it, and its orders where they are shown."""

    row: Row
    added: Mapping[str, Any]
    orders: Sequence[Row]


class KnownCustomer(NamedTuple):
    """What is known of a customer until a position, NEWEST for now; `rows` are read later for a past."""

    course: Course
    now: Row
    rows: CustomerRows | None
    history: Page | None
    sent: dict[int, list[SentTo]]
    labels: dict[int, str]
    until: int

    @property
    def is_past(self) -> bool:
        return self.until < NEWEST


class Remains(NamedTuple):
    """What is left of a customer that was erased."""

    history: Page
    sent: dict[int, list[SentTo]]
    names: Names


@get("/customers/{customer_id:str}", opt=needs("customers/view"))
async def show_customer(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    return await customer_page(request, customer_in_path(customer_id), await read(request, CustomerPageWanted))


async def customer_page(
    request: AnyRequest, id_: int, asked: CustomerPageWanted, forms: Mapping[str, FilledForm] = NOTHING_SENT
) -> Html:
    """The page, also again with a form that was refused. Raises CustomerNotFound."""
    place, service = place_of(request, id_, asked.tab), serving(request)
    known = await _read(service, id_, asked, sees_feeds="feeds/manage" in request.user.permissions)
    if isinstance(known, Remains):
        left = timeline_tab(id_, known.history, known.names, asked, sent=known.sent)
        view = ErasedView(place, left, TYPES)
        return page(request, "customer_erased.html", view, api=f"/customers/{id_}/history")
    first = known.course.stops[0].position
    if known.until < first:
        return see_other(place.at(first))
    rows = known.rows
    if rows is None:
        async with seen(service, asked.as_of, id_) as then:
            row = found(await find_customer(then.on, id_), CustomerNotFound)
            rows = await _rows(then.on, row, asked.tab)
    status = next((form.status for form in forms.values()), 200)
    shown = _view(request, place, asked, known, rows=rows, forms=forms)
    return page(request, "customer.html", shown, status=status, api=_as_api(place, asked))


async def _read(service: Service, id_: int, asked: CustomerPageWanted, *, sees_feeds: bool) -> KnownCustomer | Remains:
    """What is read now. The rows of a past are on a connection of their own, for which nobody waits with this one."""
    store, currency = service.store, service.settings.store_currency
    async with at_one_moment(store.pool) as on:
        moment = None if asked.as_of is None else await moment_of(on, store.log, asked.as_of, datetime.now(UTC))
        until = moment.position if moment else NEWEST
        now = await find_customer(on, id_)
        if now is None:
            if not await was_registered(on, id_):
                raise CustomerNotFound
            left = await read_timeline(on, store.log, id_, asked, until)
            sent = await read_sent_to(on, id_, left) if sees_feeds else {}
            return Remains(left, sent, await names_of(on, store.log, left.entries))
        has_timeline = asked.tab == "timeline"
        history = await read_timeline(on, store.log, id_, asked, until) if has_timeline else None
        return KnownCustomer(
            course=await figures.course(on, store.log, id_, until, store_currency=currency, rule=RULES[asked.rule]),
            now=now,
            rows=await _rows(on, now, asked.tab) if moment is None else None,
            history=history,
            sent=await read_sent_to(on, id_, history) if history and sees_feeds else {},
            labels=await label_values(on) if has_timeline else {},
            until=until,
        )


async def _rows(on: Executor, row: Row, tab: str) -> CustomerRows:
    user = frozenset[str]() if row["user_id"] is None else frozenset({"wpUser"})
    [added] = await added_to_customers(on, [row], RELATIONS[tab] | user)
    orders: Sequence[Row] = await every_order(on, row["id"]) if tab == "orders" else ()
    return CustomerRows(row, added, orders)


def _view(
    request: AnyRequest, place: PagePlace, asked: CustomerPageWanted, known: KnownCustomer, *,
    rows: CustomerRows, forms: Mapping[str, FilledForm],
) -> CustomerView:  # fmt: skip
    way, now, explains = known.course, known.now, known.course.poison is None
    currency, veil = serving(request).settings.store_currency, veil_of(request, place.customer_id)
    person = person_of(rows.row, rows.added.get("wp_user"), now["version"], veil)
    primary = {kind: rows.added.get(f"primary_{kind}_address") for kind in ADDRESS_TYPES}
    return CustomerView(
        person=person,
        place=place,
        time=time_panel(way, known.until if known.is_past else None),
        figures=figure_cards(rows.row, now, currency, is_now=not known.is_past),
        currency=currency,
        tabs=TABS,
        tab=asked.tab,
        timeline=known.history and _timeline(place.customer_id, known, known.history, asked, veil),
        value=value_tab(way, rows.row, person.name, asked.rule, currency) if explains and asked.tab == "ltv" else None,
        summary=value_summary(way, currency) if explains and asked.tab == "timeline" else None,
        poison=way.poison,
        orders=orders_tab(rows.orders, veil, order_id=asked.order, skip=asked.skip) if asked.tab == "orders" else None,
        addresses=addresses_tab(rows.added, veil, asked.address) if asked.tab == "addresses" else None,
        primary={kind: address and address_card(address, veil) for kind, address in primary.items()},
        types=TYPES,
        forms=forms,
        mended=listed(FIGURES.get(name, name) for name in asked.mended),
        address_types=[(type_, type_) for type_ in ADDRESS_TYPES],
        countries=country_choices() if asked.tab == "addresses" else [],
    )


async def answer_form(
    request: AnyRequest,
    id_: int,
    asked: CustomerPageWanted,
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    then: CustomerPageWanted | None = None,
) -> Html:
    """The page that follows a form that was carried out, else the form again, on the page that it is of."""
    form = await refused_form(request, work)
    if form is not None:
        return await customer_page(request, id_, asked, {name: form})
    after = then or asked
    return see_other(place_of(request, id_).to(tab=after.tab, order=after.order))


def _timeline(id_: int, known: KnownCustomer, page: Page, asked: CustomerPageWanted, veil: Veil) -> TimelineTab:
    names = Names({order.order_id: order.currency for order in known.course.explanation.orders}, known.labels)
    stops, until = known.course.stops, known.until
    return timeline_tab(
        id_, page, names, asked, stops=stops, until=until, sees_personal=not veil.is_drawn, sent=known.sent
    )


def _as_api(place: PagePlace, asked: CustomerPageWanted) -> list[str]:
    """The paths of REST that answer the same."""
    then = f"?as_of={quote(place.sent['as_of'])}" if "as_of" in place.sent else ""
    here = f"/customers/{place.customer_id}"
    more = {
        "timeline": f"{here}/history",
        "ltv": f"{here}/ltv/explain{then}",
        "orders": f"{here}/order{then}",
        "addresses": f"{here}/address{then}",
    }
    return [here + then, more[asked.tab]]


ROUTES: list[Any] = [show_customer]
