"""A customer's figures: as widgets, explained, and put right."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar.params import FromPath
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from api.handling.as_of import InTime, seen
from api.handling.serving import AnyRequest, customer_in_path, serving
from api.handling.writes import Shown, carry_out, nothing
from api.http.answer import Answer, answer
from api.http.request import read, read_nothing
from api.openapi.operation import get, post
from api.presentation.customers import ShownCustomer, customer
from api.presentation.money import money
from api.presentation.values import Cents, Id, Rate, Row, StoreCents
from domain.refusals import CustomerNotFound
from domain.value import days_since
from eventstore.log.log import Session
from projections.checks.explain import ExplainedOrder, Explanation
from projections.fold.fold import PoisonedError
from service import figures
from service.values import shown

GROUP = "Figures"


class Widget(Struct):
    """One figure; `formatted` is its value for people."""

    key: Annotated[str, Meta(examples=["ltv"])]
    title: Annotated[str, Meta(examples=["Lifetime value"])]
    value: Annotated[float | str | None, Meta(examples=[15000])]
    formatted: str | UnsetType = UNSET
    hint: str | UnsetType = UNSET


class WidgetsShown(Struct):
    widgets: list[Widget]


class ShownDrift(Struct):
    stored: Any
    recalculated: Any


class Recalculated(Struct):
    """`drift` tells by field which stored figures were wrong."""

    message: str
    customer: ShownCustomer
    drift: dict[str, ShownDrift] | None


MoreWidgets: TypeAlias = Callable[[Row, str, datetime], list[Widget]]


@get(
    "/customers/get-stats/{customer_id:str}", "A customer's figures as widgets", GROUP, "customers/view", takes=InTime,
    answers=WidgetsShown, refuses=CustomerNotFound, versioned=True,
)  # fmt: skip
async def get_stats(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Lifetime value, average order value, purchases, first and last purchase and net takings by currency, each as a
    number and as a text for people. Amounts are in cents.
    """
    service, id_ = serving(request), customer_in_path(customer_id)
    asked = await read(request, InTime)
    async with seen(service, asked.as_of, id_) as view:
        row = await view.find_customer(id_)
    if row is None:
        raise CustomerNotFound
    currency = service.settings.store_currency
    widgets = [widget for more in WIDGETS for widget in more(row, currency, view.now)]
    return answer(WidgetsShown(widgets), version=row["version"])


@post(
    "/customers/{customer_id:str}/recalculate-ltv", "Recalculate a customer's figures from its history", GROUP,
    "customers/manage", answers=Recalculated, versioned=True, refuses=(CustomerNotFound, PoisonedError(9214, "")),
)  # fmt: skip
async def recalculate_ltv(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Tells the figures from the customer's events once more, compares them with the stored ones, and repairs these
    where they differ. `drift` says what was wrong; no event comes of it.
    """
    service, id_ = serving(request), customer_in_path(customer_id)
    await read_nothing(request)

    async def show(session: Session, _result: None) -> Shown:
        row, drift = await figures.recalculate(session, service.store.log, id_)
        wrong = {name: ShownDrift(shown(it.stored), shown(it.recalculated)) for name, it in drift.items()}
        made = customer(row, service.settings.store_url)
        body = Recalculated("Lifetime value recalculated successfully", made, wrong or None)
        return Shown(body, customer_id=id_, version=row["version"])

    return await carry_out(request, nothing, show, customer_id=id_)


def lifetime(row: Row, currency: str, _now: datetime) -> list[Widget]:
    average = "Lifetime value per purchase"
    return [
        Widget("ltv", "Lifetime value", row["ltv"], money(row["ltv"], currency), "Paid less refunded, all orders"),
        Widget("aov", "Average order value", shown(row["aov"]), money(row["aov"], currency), average),
        Widget("purchase_count", "Purchases", row["purchase_count"]),
    ]


def dates(row: Row, _currency: str, now: datetime) -> list[Widget]:
    last: datetime | None = row["last_purchase_date"]
    days = None if last is None else days_since(last.replace(tzinfo=UTC), now)
    return [
        Widget("first_purchase_date", "First purchase", shown(row["first_purchase_date"])),
        Widget("last_purchase_date", "Last purchase", shown(last)),
        Widget("days_since_last_purchase", "Days since last purchase", days),
    ]


def by_currency(row: Row, _currency: str, _now: datetime) -> list[Widget]:
    nets: dict[str, int] = msgspec.json.decode(row["purchase_value"])
    return [Widget(f"net_{code.lower()}", f"Net in {code}", cents, money(cents, code)) for code, cents in nets.items()]


# Other modules add theirs here: a function from the customer's row, the store's currency, and the time with its zone.
WIDGETS: list[MoreWidgets] = [lifetime, dates, by_currency]


class ShownRule(Struct):
    """The rule by which orders count, and for how much."""

    name: Annotated[str, Meta(examples=["net-of-refunds"])]
    version: Annotated[int, Meta(ge=1, examples=[1])]


class MovedAmount(Struct):
    """Cents of the order's currency that an event moved: paid above 0, refunded below."""

    position: Id
    type: Annotated[str, Meta(examples=["payment-recorded"])]
    amount: Cents
    transaction_id: str | None


class ShownRounding(Struct):
    """`unrounded` is what the order gives exactly, in cents of the store's currency."""

    rule: Annotated[str, Meta(examples=["half up to the smallest unit, each order by itself"])]
    unrounded: Annotated[float, Meta(examples=[5012.5])]


class ShownExplainedOrder(Struct):
    """`contribution` is in cents of the store's currency, all else in `currency`. `amounts` add up to paid less
    refunded. `rounding` is null where the rate is 1, or the order does not count.
    """

    order_id: Id
    counted: Annotated[bool, Meta(examples=[True])]
    why: Annotated[str, Meta(examples=["Counts: its payment is paid."])]
    currency: Annotated[str, Meta(examples=["USD"])]
    total_paid: Cents
    total_refund: Annotated[Cents, Meta(examples=[0])]
    rate: Rate
    contribution: StoreCents
    rounding: ShownRounding | None
    amounts: list[MovedAmount]
    positions: list[Id]


class Explained(Struct):
    """The contributions add up to `ltv`; `aov` is that by `purchase_count`."""

    ltv: StoreCents
    aov: Annotated[float, Meta(description="Cents of the store's currency", examples=[5000])]
    purchase_count: Annotated[int, Meta(ge=0, examples=[1])]
    rule: ShownRule
    orders: list[ShownExplainedOrder]


@get(
    "/customers/{customer_id:str}/ltv/explain", "Why a customer's lifetime value is what it is", GROUP,
    "customers/view", takes=InTime, answers=Explained, versioned=True,
    refuses=(CustomerNotFound, PoisonedError(9214, "")),
)  # fmt: skip
async def explain_ltv(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Computed from events alone. The contributions of all orders that are or were the customer's add up to `ltv`."""
    service, id_ = serving(request), customer_in_path(customer_id)
    as_of = (await read(request, InTime)).as_of
    currency = service.settings.store_currency
    explanation, version = await figures.explain(service.store, id_, store_currency=currency, as_of=as_of)
    return answer(explained(explanation), version=version)


def explained(explanation: Explanation) -> Explained:
    """Amounts as numbers, without a fraction where they are whole."""
    return Explained(
        ltv=explanation.ltv,
        aov=shown(explanation.aov),
        purchase_count=explanation.purchase_count,
        rule=ShownRule(**asdict(explanation.rule)),
        orders=list(map(_order, explanation.orders)),
    )


def _order(order: ExplainedOrder) -> ShownExplainedOrder:
    rounding = order.rounding and ShownRounding(order.rounding.rule, shown(order.rounding.unrounded))
    amounts = [MovedAmount(**asdict(amount)) for amount in order.amounts]
    return ShownExplainedOrder(**asdict(order) | {"rate": shown(order.rate), "rounding": rounding, "amounts": amounts})


HANDLERS: list[Any] = [get_stats, explain_ltv, recalculate_ltv]
