"""What is around each tab of a customer's page: who it is, where in time one is, and the figures."""

from bisect import bisect_right
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from api.console.charts import Steps, quantiles, steps
from api.console.filters import day, money, number
from api.console.personal import Veil
from api.console.timeline import HEADS
from api.presentation.customers import formatted
from api.presentation.story.words import many
from api.presentation.users import LinkedUser
from api.presentation.values import Row
from projections.checks.course import Course

MOST_STOPS = 400  # on the slider; one by one all are reached
UNTIL_NOW = "until now"


class Person(NamedTuple):
    """`version` is the current one, which a form is for; `user` is the linked WordPress user."""

    id: int
    name: str
    initials: str
    email: str
    status: str
    labels: list[str]
    place: str
    user: LinkedUser | None
    notes: str
    version: int
    is_veiled: bool


class FigureCard(NamedTuple):
    name: str
    value: str
    note: str


class TimePanel(NamedTuple):
    """`number` is of the current stop, from 1, of `total`; `stops` are the positions on the slider, `stop` the place of
    the current one among them.
    """

    number: int
    total: int
    is_now: bool
    position: int
    occurred_at: datetime
    title: str
    actor: str
    earlier: int | None
    later: int | None
    stops: list[int]
    stop: int
    path: Steps
    ends: tuple[datetime, datetime]

    @property
    def elapsed(self) -> str:
        """The part of the chart's width that is past."""
        return f"{1000 * self.stop / max(len(self.stops) - 1, 1):.2f}"

    @property
    def data(self) -> str:
        return msgspec.json.encode(self.stops).decode()

    @property
    def is_whole(self) -> bool:
        """Whether every event is a stop of the slider."""
        return len(self.stops) == self.total


def person_of(row: Row, user: LinkedUser | None, version: int, veil: Veil) -> Person:
    place = formatted(row)
    name = place.full_name or row["email"]
    where = [place.country] if veil.is_drawn else [place.city, place.country]
    return Person(
        id=row["id"],
        name=veil.name(name) if place.full_name else veil.email(name),
        initials=f"{(row['first_name'] or row['email'])[:1]}{row['last_name'][:1]}".upper(),
        email=veil.email(row["email"]),
        status=row["status"],
        labels=[label[2] for label in row["labelled"]],
        place=", ".join(filter(None, where)),
        user=user and msgspec.structs.replace(user, user_login=veil.text(user.user_login)),
        notes=veil.text(row["notes"]),
        version=version,
        is_veiled=veil.is_drawn,
    )


def time_panel(course: Course, until: int | None) -> TimePanel:
    """Now, or as of a position, which is no earlier than the first stop."""
    stops = course.stops
    last = len(stops) - 1
    index = last if until is None else bisect_right(stops, until, key=lambda stop: stop.position) - 1
    places = quantiles(len(stops), MOST_STOPS, index)
    stop = stops[index]
    order = f" #{stop.order_id}" if stop.order_id else ""
    return TimePanel(
        number=index + 1,
        total=len(stops),
        is_now=until is None,
        position=stop.position if until is None else until,
        occurred_at=stop.occurred_at,
        title=f"{HEADS[stop.type][1]}{order}" if stop.type in HEADS else stop.type,
        actor=stop.actor,
        earlier=stops[index - 1].position if index else None,
        later=stops[index + 1].position if index < last else None,
        stops=[stops[each].position for each in places],
        stop=places.index(index),
        path=steps([course.ltv[each] for each in places] if course.ltv else []),
        ends=(stops[0].occurred_at, stops[last // 2].occurred_at),
    )


def figure_cards(row: Row, now: Row, currency: str, *, is_now: bool) -> list[FigureCard]:
    """With what they are made of, or in the past with their distance to now."""
    ltv, aov, count = row["ltv"], Decimal(row["aov"]), row["purchase_count"]
    if is_now:
        notes = _nets(row), _dated("since", row["first_purchase_date"]), _dated("last on", row["last_purchase_date"])
    else:
        later, by = now["ltv"] - ltv, now["purchase_count"] - count
        notes = (
            _moved(money(later, currency, "+"), later),
            _moved(money(Decimal(now["aov"]) - aov, currency, "+"), Decimal(now["aov"]) - aov),
            _moved(f"{'+' if by > 0 else ''}{number(by)}", by),
        )
    values = money(ltv, currency), money(aov, currency), number(count)
    names = "Lifetime value", "Average order", "Purchases"
    return [FigureCard(*card) for card in zip(names, values, notes, strict=True)]


def _nets(row: Row) -> str:
    nets: dict[str, int] = msgspec.json.decode(row["purchase_value"])
    amounts = ", ".join(money(cents, code) for code, cents in nets.items())
    return f"{many(len(nets), 'currency', 'currencies')}: {amounts}" if len(nets) > 1 else ""


def _dated(word: str, at: str | None) -> str:
    return f"{word} {day(datetime.fromisoformat(at))}" if at else ""


def _moved(distance: str, by: int | Decimal) -> str:
    return f"{distance} {UNTIL_NOW}" if by else "the same as now"
