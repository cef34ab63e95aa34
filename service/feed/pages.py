"""Pages of the feed: events after a position, in the order of their commits, and never beyond what is durable."""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from eventstore.store import Store
from projections.fold.past import POSITION_AT
from projections.history.pages import Entry, events_after

MOMENT = timedelta(microseconds=1)


class AheadOfTheLog(Exception):
    """head: the position asked for is beyond the log's end, so it is another log's, or this one was set back."""

    def __init__(self, head: int) -> None:
        super().__init__(f"The log ends at {head}.")
        self.head = head


class Wanted(msgspec.Struct, frozen=True):
    """Events of these types, or all; about this customer, now or until a transfer, or about anybody."""

    types: tuple[str, ...] = ()
    customer_id: int | None = None


EVERYTHING = Wanted()


class FeedPage(NamedTuple):
    """Who resumes after `next` misses nothing that is wanted. `caught_up`: there was nothing behind it in the log."""

    entries: list[Entry]
    next: int
    caught_up: bool


async def page_after(store: Store, after: int, wanted: Wanted = EVERYTHING, *, limit: int) -> FeedPage:
    """The next events that are wanted. With a filter a page may be short or empty: a page looks at a part of the log
    only, and `next` is behind it.

    Visible events of which a standby that commits wait for may not know yet are left for later. Raises AheadOfTheLog.
    """
    head, durable = await store.reach()
    if after > head:
        raise AheadOfTheLog(head)
    if after >= durable:
        return FeedPage([], after, caught_up=after == head)
    async with store.pool.acquire() as connection:
        # The one of a moment ago, unless the database went to another server meanwhile.
        until = min(durable, await store.durable_on(connection))
        entries, reached = await events_after(
            connection, store.log, after, until, types=wanted.types, customer_id=wanted.customer_id, limit=limit
        )
    return FeedPage(entries, reached, caught_up=reached == head)


async def position_before(store: Store, moment: datetime) -> int:
    """The position after which everything was recorded from that moment on."""
    position: int = await store.pool.fetchval(POSITION_AT, moment - MOMENT)
    return position
