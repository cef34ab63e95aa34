"""Reading the feed as a follower does."""

from typing import Any

import msgspec

from eventstore.store import Store
from projections.history.pages import Entry
from service.feed import message
from service.feed.pages import EVERYTHING, Wanted, page_after

SOURCE = "https://store.example/customers"


async def follow(store: Store, wanted: Wanted = EVERYTHING, *, after: int = 0, limit: int = 7) -> list[Entry]:
    """All that is wanted, page by page, until it has caught up."""
    entries: list[Entry] = []
    while True:
        page = await page_after(store, after, wanted, limit=limit)
        assert len(page.entries) <= limit
        assert page.next > after or page.caught_up
        entries += page.entries
        if page.caught_up:
            return entries
        after = page.next


def thin(entry: Entry) -> dict[str, Any]:
    read: dict[str, Any] = msgspec.json.decode(message.thin(entry, SOURCE))
    return read


def full(entry: Entry) -> dict[str, Any]:
    read: dict[str, Any] = msgspec.json.decode(message.full(entry, SOURCE))
    return read
