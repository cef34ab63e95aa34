"""Overview: what the store took, what happened last, and whether anything needs somebody."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Annotated, Any, NamedTuple

from litestar import get
from msgspec import field

from api.console.charts import Bar, columns, sparkline
from api.console.door import needs
from api.console.filters import money, month, number
from api.console.health import HealthView, health
from api.console.pages import page
from api.console.personal import veil_of
from api.console.timeline import EventLine, event_line
from api.handling.serving import AnyRequest, Service, serving
from api.http.html import Html
from api.http.request import read
from api.presentation.story.sentences import names_of
from domain.value import average
from projections.fold.days import LONGEST, Period, Sums, Unit, periods, unbroken
from projections.history.pages import store_history
from service.fields.compound import Word
from service.fields.input import Input

RANGES = {"30d": "30 days", "12m": "12 months", "all": "All"}
LATEST = 8
MOST_BARS = 60


class OverviewWanted(Input):
    range_: Annotated[str, Word()] = field(name="range", default="all")


class StoreFigure(NamedTuple):
    title: str
    value: str
    line: str
    hint: str


class PeriodBar(NamedTuple):
    name: str
    period: Period
    bar: Bar


class Takings(NamedTuple):
    """`has_gaps` where periods with nothing are left out; `behind` is how many events are not summed yet."""

    cards: list[StoreFigure]
    bars: list[PeriodBar]
    unit: Unit
    highest: int
    currency: str
    has_gaps: bool
    behind: int


class OverviewView(NamedTuple):
    """Each part is None for who may not see it."""

    ranges: dict[str, str]
    range: str
    takings: Takings | None
    latest: list[EventLine] | None
    health: HealthView | None


@get("/", opt=needs("customers/view", "metrics/view"))
async def overview(request: AnyRequest) -> Html:
    service, user = serving(request), request.user
    wanted = (await read(request, OverviewWanted)).range_
    range_ = wanted if wanted in RANGES else "all"
    sees_personal = not veil_of(request).is_drawn
    view = OverviewView(
        RANGES,
        range_,
        await _takings(service, range_) if "customers/view" in user.permissions else None,
        await _latest(service, sees_personal=sees_personal) if "history/view" in user.permissions else None,
        await health(service) if "metrics/view" in user.permissions else None,
    )
    return page(request, "overview.html", view, api="/history" if view.latest is not None else ())


async def _takings(service: Service, range_: str) -> Takings:
    summed, currency = await service.by_day.look(), service.settings.store_currency
    shown, unit = _shown(summed.sums, range_, datetime.now(UTC).date())
    bars = columns([(_titled(unit, each, currency), each.net) for each in shown])
    names = [_name(unit, each.first) for each in shown]
    return Takings(
        _cards(summed.sums, shown, _when(range_, names), currency),
        [PeriodBar(*each) for each in zip(names, shown, bars, strict=True)],
        unit,
        max((each.net for each in shown), default=0),
        currency,
        any(_is_apart(unit, *pair) for pair in pairwise(shown)),
        summed.head - summed.position,
    )


def _shown(sums: Sums, range_: str, today: date) -> tuple[list[Period], Unit]:
    """The periods of a range that ends today; of all, from the first with anything to the last."""
    if range_ == "30d":
        return unbroken(periods(sums, "day"), "day", today - timedelta(days=29), today), "day"
    months = periods(sums, "month")
    if range_ == "12m":
        return unbroken(months, "month", today.replace(year=today.year - 1, day=1), today)[1:], "month"
    if len(months) > MOST_BARS:
        return periods(sums, "year")[-MOST_BARS:], "year"
    if months and (months[-1].first - months[0].first).days < MOST_BARS * 30:
        return unbroken(months, "month", months[0].first, months[-1].first), "month"
    return months, "month"


def _is_apart(unit: Unit, one: Period, following: Period) -> bool:
    return (following.first - one.first).days > LONGEST[unit]


def _cards(sums: Sums, shown: Sequence[Period], when: str, currency: str) -> list[StoreFigure]:
    customers, net, orders = sums.customers.total(), sums.net.total(), sums.orders.total()
    told = shown if when.startswith("in the last") else shown[-1:]
    new, placed = sum(each.customers for each in told), sum(each.orders for each in told)
    gained = sum(each.net for each in told)
    lines: list[Sequence[float]] = [
        _up_to(customers, [each.customers for each in shown]),
        _up_to(net, [each.net for each in shown]),
        [each.orders for each in shown],
        [float(average(each.net, each.orders)) for each in shown],
    ]
    figures = [
        ("Customers", number(customers), f"+{number(new)} {when}"),
        ("Lifetime value, all", money(net, currency), f"{money(gained, currency, '+')} {when}"),
        ("Purchases", number(orders), f"{number(placed)} {when}"),
        ("Average order", money(average(net, orders), currency), f"{money(average(gained, placed), currency)} {when}"),
    ]
    return [
        StoreFigure(title, value, sparkline(line), hint)
        for (title, value, hint), line in zip(figures, lines, strict=True)
    ]


def _up_to(total: int, gains: Sequence[int]) -> list[int]:
    """What the sum was after each gain, the last of which made the total."""
    return [*accumulate(gains, initial=total - sum(gains))][1:]


def _when(range_: str, names: Sequence[str]) -> str:
    return f"in {names[-1]}" if range_ == "all" and names else f"in the last {RANGES[range_]}" if names else "yet"


def _titled(unit: Unit, period: Period, currency: str) -> str:
    orders = f"{number(period.orders)} order{'s' * (period.orders != 1)}"
    return f"{_name(unit, period.first)}: {money(period.net, currency)}, {orders}"


def _name(unit: Unit, first: date) -> str:
    match unit:
        case "day":
            return f"{first.day} {month(first)}"
        case "month":
            return month(first)
        case "year":
            return str(first.year)


async def _latest(service: Service, *, sees_personal: bool) -> list[EventLine]:
    store = service.store
    async with store.pool.acquire() as on:
        entries = (await store_history(on, store.log, limit=LATEST)).entries
        names = await names_of(on, store.log, entries)
    return [event_line(entry, names, sees_personal=sees_personal) for entry in entries]


ROUTES: list[Any] = [overview]
