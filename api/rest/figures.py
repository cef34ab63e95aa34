"""A customer's figures: as widgets, explained, and put right."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar.params import FromPath
from msgspec import UNSET, Meta, Struct, UnsetType

from api.handling.as_of import InTime, seen
from api.handling.serving import AnyRequest, customer_in_path, found, serving
from api.handling.writes import Outcome, carry_out, nothing
from api.http.answer import Answer, answer
from api.http.request import read, read_nothing
from api.openapi.operation import get, post
from api.presentation.customers import ShownCustomer, customer
from api.presentation.figures import Explained, explained
from api.presentation.money import money
from api.presentation.values import Row, number
from domain.refusals import CustomerNotFound
from domain.value import days_since
from eventstore.postgres.connection import Session
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
        row = found(await view.find_customer(id_), CustomerNotFound)
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

    async def show(session: Session, _result: None) -> Outcome:
        row, drift = await figures.recalculate(session, service.store.log, id_)
        wrong = {name: ShownDrift(shown(it.stored), shown(it.recalculated)) for name, it in drift.items()}
        made = customer(row, service.settings.store_url)
        body = Recalculated("Lifetime value recalculated successfully", made, wrong or None)
        return Outcome(body, customer_id=id_, version=row["version"])

    return await carry_out(request, nothing, show, customer_id=id_)


def lifetime(row: Row, currency: str, _now: datetime) -> list[Widget]:
    average = "Lifetime value per purchase"
    return [
        Widget("ltv", "Lifetime value", row["ltv"], money(row["ltv"], currency), "Paid less refunded, all orders"),
        Widget("aov", "Average order value", number(row["aov"]), money(Decimal(row["aov"]), currency), average),
        Widget("purchase_count", "Purchases", row["purchase_count"]),
    ]


def dates(row: Row, _currency: str, now: datetime) -> list[Widget]:
    last: str | None = row["last_purchase_date"]
    days = None if last is None else days_since(datetime.fromisoformat(last).replace(tzinfo=UTC), now)
    return [
        Widget("first_purchase_date", "First purchase", row["first_purchase_date"]),
        Widget("last_purchase_date", "Last purchase", last),
        Widget("days_since_last_purchase", "Days since last purchase", days),
    ]


def by_currency(row: Row, _currency: str, _now: datetime) -> list[Widget]:
    nets: dict[str, int] = msgspec.json.decode(row["purchase_value"])
    return [Widget(f"net_{code.lower()}", f"Net in {code}", cents, money(cents, code)) for code, cents in nets.items()]


# Other modules add theirs here: a function from the customer's row, the store's currency, and the time with its zone.
WIDGETS: list[MoreWidgets] = [lifetime, dates, by_currency]


@get(
    "/customers/{customer_id:str}/ltv/explain", "Why a customer's lifetime value is what it is", GROUP,
    "customers/view", takes=InTime, answers=Explained, versioned=True, refuses=CustomerNotFound,
)  # fmt: skip
async def explain_ltv(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Computed from events alone. The contributions of all orders that are or were the customer's add up to `ltv`."""
    service, id_ = serving(request), customer_in_path(customer_id)
    as_of = (await read(request, InTime)).as_of
    currency = service.settings.store_currency
    explanation, version = await figures.explain(service.store, id_, store_currency=currency, as_of=as_of)
    return answer(explained(explanation), version=version)


HANDLERS: list[Any] = [get_stats, explain_ltv, recalculate_ltv]
