"""`as_of`: the same answers, as they were at a position of the log or on a date."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Annotated, Any, NamedTuple

from api.handling.serving import Service
from eventstore.postgres.connection import Executor
from projections.fold.past import AsOf, moment_of
from projections.queries.customers import find_customer
from projections.queries.language.clock import Clock, clock
from projections.queries.language.refusals import UnknownTimeZone
from projections.queries.totals import Totals
from projections.tables.table import Shown
from service.fields.input import Input
from service.fields.kinds import BLANK, REFERENCE, Moment, Schema, Text
from service.fields.reader import Fields

POSITION = "0|[1-9][0-9]{0,15}"
YEARS = range(1900, 2200)  # of dates that are written without hyphens, and would be taken for a position
LEEWAY = timedelta(minutes=1)  # by which a client's clock may be ahead of ours
UNREADABLE = "must be a position, a date such as 2025-06-30, or a time of such a date."

THEN = (
    "The answer as it was at a position of the log, at the end of a day, or through a second, by when the log knew it. "
    "What lies ahead, and a position beyond the end, are refused. Who has been erased since is not found."
)


@dataclass(frozen=True)
class Then(Text):
    """A position of the log, or a date that is in the time zone of `user_tz`."""

    about: str = field(kw_only=True, default=THEN)
    reads_absent = True

    def take(self, fields: Fields, name: str, absent: Any) -> Any:  # noqa: ARG002 - that of both
        return read_as_of(fields)

    def parameters(self, name: str, absent: Any) -> Iterator[tuple[str, Schema]]:  # noqa: ARG002 - nothing is now
        position = {"type": ["integer", "string"], "minimum": 0, "pattern": f"^({POSITION})$"}
        yield name, {"anyOf": [position, Moment().schema, BLANK]} | self.notes()


@dataclass(frozen=True)
class Zone(Text):
    about: str = field(kw_only=True, default="In which days begin and dates are read.")

    @property
    def query_schema(self) -> Schema:
        return {"$ref": REFERENCE + "TimeZone"}


class InTime(Input):
    as_of: Annotated[AsOf, Then()] = None
    user_tz: Annotated[str, Zone()] = ""


class View(NamedTuple):
    """Read models, from `now` on which days count, and the counts that hold for them."""

    on: Executor
    find_customer: Callable[[int], Awaitable[Shown | None]]
    now: datetime
    totals: Totals


def read_as_of(fields: Fields) -> AsOf:
    """A date, or a time that names no zone, is in `user_tz`. `moment_of` refuses a position beyond the end."""
    if "as_of" not in fields and "user_tz" not in fields:
        return None
    said = Text().take(fields, "as_of", "")
    try:
        there = clock(datetime.now(UTC), Zone().take(fields, "user_tz", ""))
    except UnknownTimeZone as error:
        fields.refuse(error.field, "invalid", error.problem)
        return None
    if re.fullmatch(POSITION, said):
        if (day := _unhyphenated(said)) is not None:
            fields.refuse("as_of", "invalid", f"looks like a date, and is none: write {day}, or another position.")
        return int(said)
    return _last_moment(fields, said, there) if said else None


def _unhyphenated(digits: str) -> date | None:
    try:
        day = date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    except ValueError:
        return None
    return day if day.year in YEARS else None


def _last_moment(fields: Fields, said: str, there: Clock) -> datetime | None:
    span = there.span(said)
    if span is None:
        fields.refuse("as_of", "invalid", UNREADABLE)
    elif span.start.replace(tzinfo=UTC) > there.now + LEEWAY:
        fields.refuse("as_of", "max", "lies ahead: nothing is known of it yet.")
    return there.last_moment(said)


def seen(service: Service, as_of: AsOf, customer_id: int | None = None) -> AbstractAsyncContextManager[View]:
    """The read models as of then: a customer's, or all, which raises TooMany when too many ask for that at once."""
    present = View(service.lists, service.find_customer, datetime.now(UTC), service.totals)
    return nullcontext(present) if as_of is None else _seen(service, as_of, customer_id, present)


@asynccontextmanager
async def _seen(service: Service, as_of: int | datetime, customer_id: int | None, present: View) -> AsyncIterator[View]:
    moment = await moment_of(service.store.pool, service.store.log, as_of, present.now)
    if moment is None:
        yield present
        return
    async with AsyncExitStack() as stack:
        if customer_id is None:
            await stack.enter_async_context(service.turns.turn())
        connection = await stack.enter_async_context(service.pasts.at(moment.position, customer_id))
        yield View(connection, partial(find_customer, connection), moment.time, Totals())
