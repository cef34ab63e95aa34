"""The timeline of a customer: its events and its orders', newest first, by day."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlsplit

from api.console.screens.customer.views.asked import CustomerPageWanted
from api.console.timeline import EventLine, event_line
from api.presentation.story.sentences import Names
from eventstore.log.log import Log
from eventstore.postgres.connection import Executor
from projections.history.pages import NEWEST, Entry, Filters, Page, customer_history
from projections.history.stops import Stop
from projections.queries.webhooks import every_webhook
from service.webhooks.delivery.reading import Delivery, latest_about

PER_PAGE = 50


class LineGroup(NamedTuple):
    """Events of one request; those of one alone, unless they are grouped."""

    request_id: str
    lines: list[EventLine]


class TimelineDay(NamedTuple):
    day: date
    groups: list[LineGroup]


class SentTo(NamedTuple):
    """The last attempt to send an event to a webhook, and where that leads to, unless it is deleted."""

    host: str
    attempt: Delivery


class TimelineTab(NamedTuple):
    """`before` is where older events begin. `later` is how many events of the customer follow the moment. `sent` is
    which webhooks events were sent to, by position, for who may know.
    """

    days: list[TimelineDay]
    before: int | None
    later: int
    type: str | None
    actor: str | None
    is_grouped: bool
    sent: Mapping[int, list[SentTo]]


async def read_sent_to(on: Executor, customer_id: int, page: Page) -> dict[int, list[SentTo]]:
    """The webhooks that the events of a page were sent to, by position."""
    hosts = {row.id: urlsplit(row.url).hostname or "" for row in await every_webhook(on)}
    found: dict[int, list[SentTo]] = {}
    for each in await latest_about(on, customer_id, [entry.recorded.position for entry in page.entries]):
        found.setdefault(each.position, []).append(SentTo(hosts.get(each.webhook_id, ""), each))
    return found


async def read_timeline(on: Executor, log: Log, customer_id: int, asked: CustomerPageWanted, until: int) -> Page:
    """A page of the customer's history as it was known at a position."""
    filters = Filters(type=asked.type, actor=asked.actor)
    before = min(asked.before or NEWEST, until + 1 if until < NEWEST else NEWEST)
    return await customer_history(on, log, customer_id, filters, before=before, limit=PER_PAGE)


def timeline_tab(
    customer_id: int, page: Page, names: Names, asked: CustomerPageWanted, *,
    sent: Mapping[int, list[SentTo]], stops: Sequence[Stop] = (), until: int = NEWEST, sees_personal: bool = True,
) -> TimelineTab:  # fmt: skip
    known = _known(customer_id, page.entries, stops, until)
    lines = [event_line(entry, names, of=customer_id, sees_personal=sees_personal) for entry in known]
    return TimelineTab(
        days=[*days_of(lines, is_grouped=asked.grouped)],
        before=page.before,
        later=sum(stop.position > until for stop in stops),
        type=asked.type,
        actor=asked.actor,
        is_grouped=asked.grouped,
        sent=sent,
    )


def days_of(lines: Iterable[EventLine], *, is_grouped: bool = False) -> Iterator[TimelineDay]:
    for day, of_day in groupby(lines, key=lambda line: line.occurred_at.date()):
        if is_grouped:
            groups = [LineGroup(id_, [*each]) for id_, each in groupby(of_day, key=lambda line: line.request_id)]
        else:
            groups = [LineGroup("", [line]) for line in of_day]
        yield TimelineDay(day, groups)


def _known(customer_id: int, entries: Iterable[Entry], stops: Iterable[Stop], until: int) -> Iterator[Entry]:
    """Without events of orders that came from another customer after the moment."""
    came = {stop.order_id: stop.position for stop in stops if stop.came}
    for entry in entries:
        recorded = entry.recorded
        is_own = customer_id in (recorded.customer_id, recorded.former_customer_id)
        if is_own or came.get(recorded.stream.id, 0) <= until:
            yield entry
