"""Ranges of ids, each with about as many events as can be folded at a time."""

import re
from collections.abc import AsyncIterator
from typing import NamedTuple, get_args

from domain.event import Stream
from eventstore.postgres.connection import Executor
from eventstore.postgres.stream_ids import MAX_ID, from_uuid, to_uuid
from projections.tables.projection import Part

EVENTS = 20_000

# The last id of the range after another: a step over the index, not over the table.
LAST_CUSTOMER = """
    SELECT customer_id FROM stored_events WHERE customer_id > $1 AND customer_id <= $2
    ORDER BY customer_id OFFSET $3 LIMIT 1"""
LAST_STREAM = """
    SELECT originator_id FROM stored_events WHERE originator_id > $1 AND originator_id <= $2
    ORDER BY originator_id OFFSET $3 LIMIT 1"""
_NAMED = re.compile(r"([1-9][0-9]{0,15})(?:-([1-9][0-9]{0,15}))?", re.ASCII)


class Range(NamedTuple):
    """Ids from `low` to `high`, both included."""

    part: Part
    low: int = 1
    high: int = MAX_ID


def customers_named(text: str) -> Range | None:
    """The range that an id names, or two with a hyphen between; None for any other text."""
    found = _NAMED.fullmatch(text)
    if found is None:
        return None
    named = Range("customer", int(found[1]), int(found[2] or found[1]))
    return named if named.low <= named.high <= MAX_ID else None


EVERYTHING = tuple(Range(part) for part in get_args(Part))


async def split(on: Executor, whole: Range, events: int = EVENTS) -> AsyncIterator[Range]:
    """Ranges that together cover all ids, whatever is written meanwhile."""
    part, low, high = whole
    while low <= high:
        last = min(high, await _last(on, Range(part, low, high), events) or high)
        yield Range(part, low, last)
        low = last + 1


async def _last(on: Executor, ids: Range, events: int) -> int | None:
    part, low, high = ids
    if part == "customer":
        last: int | None = await on.fetchval(LAST_CUSTOMER, low - 1, high, events - 1)
        return last
    ends = to_uuid(Stream(part, low - 1)), to_uuid(Stream(part, high))
    uuid = await on.fetchval(LAST_STREAM, *ends, events - 1)
    return from_uuid(uuid).id if uuid else None
