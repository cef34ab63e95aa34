"""A customer's figures: as widgets, and put right."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
from litestar import get, post
from litestar.params import FromPath

from api.handling.as_of import read_as_of, seen
from api.handling.serving import AnyRequest, customer_in_path, needs, serving
from api.handling.writes import Shown, carry_out, nothing
from api.http.answer import Answer, answer
from api.http.request import read_input, read_nothing
from api.presentation.money import money
from api.presentation.records import Row, customer
from domain.refusals import CustomerNotFound
from domain.value import days_since
from eventstore.log.log import Session
from projections.checks.recalculate import Drift
from service import figures
from service.fields.reader import Fields
from service.values import shown

Widget: TypeAlias = dict[str, Any]
MoreWidgets: TypeAlias = Callable[[Row, str, datetime], list[Widget]]


@get("/customers/get-stats/{customer_id:str}", opt=needs("customers/view"), summary="A customer's figures as widgets")
async def get_stats(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Lifetime value, average order value, purchases, first and last purchase and net takings by currency, each as a
    number and as a text for people. Amounts are in cents.
    """
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    as_of = read_as_of(fields)
    fields.check()
    async with seen(service, as_of, id_) as view:
        row = await view.find_customer(id_)
    if row is None:
        raise CustomerNotFound
    currency = service.settings.store_currency
    widgets = [widget for more in WIDGETS for widget in more(row, currency, view.now)]
    return answer({"widgets": widgets}, version=row["version"])


@post(
    "/customers/{customer_id:str}/recalculate-ltv",
    opt=needs("customers/manage"),
    summary="Recalculate a customer's figures from its history",
    status_code=200,
)
async def recalculate_ltv(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Tells the figures from the customer's events once more, compares them with the stored ones, and repairs these
    where they differ. `drift` says what was wrong; no event comes of it.
    """
    service, id_ = serving(request), customer_in_path(customer_id)
    await read_nothing(request)

    async def show(connection: Session, _result: None) -> Shown:
        row, drift = await figures.recalculate(connection, service.store.log, id_)
        body = {
            "message": "Lifetime value recalculated successfully",
            "customer": customer(row, service.settings.store_url),
            "drift": {name: _shown_drift(drift[name]) for name in drift} or None,
        }
        return Shown(body, customer_id=id_, version=row["version"])

    return await carry_out(request, nothing, show, customer_id=id_)


def _shown_drift(drift: Drift) -> dict[str, Any]:
    return {name: shown(value) for name, value in msgspec.structs.asdict(drift).items()}


def lifetime(row: Row, currency: str, _now: datetime) -> list[Widget]:
    average = "Lifetime value per purchase"
    return [
        _widget("ltv", "Lifetime value", row["ltv"], money(row["ltv"], currency), "Paid less refunded, all orders"),
        _widget("aov", "Average order value", row["aov"], money(row["aov"], currency), average),
        _widget("purchase_count", "Purchases", row["purchase_count"]),
    ]


def dates(row: Row, _currency: str, now: datetime) -> list[Widget]:
    last: datetime | None = row["last_purchase_date"]
    days = None if last is None else days_since(last.replace(tzinfo=UTC), now)
    return [
        _widget("first_purchase_date", "First purchase", row["first_purchase_date"]),
        _widget("last_purchase_date", "Last purchase", last),
        _widget("days_since_last_purchase", "Days since last purchase", days),
    ]


def by_currency(row: Row, _currency: str, _now: datetime) -> list[Widget]:
    nets: dict[str, int] = msgspec.json.decode(row["purchase_value"])
    return [_widget(f"net_{code.lower()}", f"Net in {code}", cents, money(cents, code)) for code, cents in nets.items()]


def _widget(key: str, title: str, value: Any, formatted: str | None = None, hint: str | None = None) -> Widget:
    widget = {"key": key, "title": title, "value": shown(value), "formatted": formatted, "hint": hint}
    return {name: said for name, said in widget.items() if said is not None or name == "value"}


# Other modules add theirs here: a function from the customer's row, the store's currency, and the time with its zone.
WIDGETS: list[MoreWidgets] = [lifetime, dates, by_currency]

HANDLERS: list[Any] = [get_stats, recalculate_ltv]
