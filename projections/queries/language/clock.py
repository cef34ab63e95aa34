"""Dates in queries: days of the client's time zone, as spans of the UTC times that rows hold."""

import re
from datetime import MINYEAR, UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from projections.queries.language.refusals import UnknownTimeZone
from projections.tables.table import FIRST_TIME, LAST_TIME

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_LAST = time(23, 59, 59, 999_999, fold=1)  # where clocks go back at midnight, the second one


class Span(NamedTuple):
    """From `start` up to, not including, `end`. What would lie before year 1 or after 9999 is the first or last moment
    there is: asyncpg writes these two as PostgreSQL's -infinity and infinity.
    """

    start: datetime
    end: datetime


class Clock(NamedTuple):
    """`now` has a zone."""

    now: datetime
    zone: tzinfo

    def span(self, text: str) -> Span | None:
        """`YYYY-MM-DD` is a whole day; with a time it is that second. None for anything else."""
        try:
            if _DATE.fullmatch(text):
                return self.day(date.fromisoformat(text))
            return self._second(datetime.fromisoformat(text)) if _TIME.fullmatch(text) else None
        except ValueError:
            return None

    def last_moment(self, text: str) -> datetime | None:
        """The last moment of a day or a second, with a zone; the text is as in `span`."""
        try:
            if _DATE.fullmatch(text):
                return datetime.combine(date.fromisoformat(text), _LAST, self.zone)
            moment = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
        except ValueError:
            return None
        return moment and moment.replace(microsecond=_LAST.microsecond, tzinfo=moment.tzinfo or self.zone)

    def day(self, day: date) -> Span:
        next_day = datetime.combine(day + _DAY, time()) if day < date.max else LAST_TIME
        return Span(self._utc(datetime.combine(day, time())), self._utc(next_day))

    def days_ago(self, days: int) -> Span:
        """So many days before today; before time began, the first day there is."""
        today = self.now.astimezone(self.zone).date()
        return self.day(today - timedelta(days=min(days, (today - date.min).days - 2)))

    def _second(self, moment: datetime) -> Span:
        start = self._utc(moment.replace(microsecond=0))
        return Span(start, start + _SECOND if start < LAST_TIME - _SECOND else LAST_TIME)

    def _utc(self, moment: datetime) -> datetime:
        if moment in (FIRST_TIME, LAST_TIME):
            return moment
        aware = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        try:
            return aware.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            return FIRST_TIME if moment.year == MINYEAR else LAST_TIME


def read_moment(text: str) -> datetime:
    """A day, which is its beginning, or a time, which may have a zone. Raises ValueError for all else, as 20260101."""
    if not (_DATE.fullmatch(text) or _TIME.fullmatch(text)):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def clock(now: datetime, user_tz: str) -> Clock:
    """Raises UnknownTimeZone."""
    if not user_tz:
        return Clock(now, UTC)
    try:
        return Clock(now, ZoneInfo(user_tz))
    except (
        ValueError,
        OSError,
        LookupError,
    ) as error:  # ZoneInfoNotFoundError is a LookupError; a directory an OSError
        raise UnknownTimeZone(user_tz) from error
