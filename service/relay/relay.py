"""Carries the log on into a stream: one relay in all processes, which resumes after the stream's last message."""

import asyncio
import logging
import time
from contextlib import AbstractAsyncContextManager, suppress
from typing import Never

import nats.errors

from domain.event import tag
from domain.events import ERASING
from eventstore.log.subscription import Subscription
from eventstore.postgres.away import why_away
from eventstore.postgres.connection import Connection
from eventstore.postgres.exclusive import exclusive
from eventstore.store import Store
from projections.history.pages import Entry
from service.background.every import regularly
from service.feed.message import full, source, thin
from service.feed.pages import AheadOfTheLog, page_after
from service.relay.jetstream import JetStream, Last, Message, NotStored, connected
from service.relay.report import report
from service.relay.target import LogSetBack, NatsTarget, RelayStopped

logger = logging.getLogger("custodiary.relay")

PAGE = 1_000
TAKE_OVER = 5.0  # seconds between two attempts to be the one that relays
PAUSE = 0.5  # seconds, after which what failed is tried again
REPORTS = 1.0  # seconds between two of them, while there is something new
ALIVE = 10.0  # seconds between two of them at least
DIGEST = "SELECT coalesce(encode(digest, 'hex'), '') FROM stored_events WHERE notification_id = $1"
MAKE = {"thin": thin, "full": full}
ERASED = frozenset(map(tag, ERASING))


class AtWork(Exception):
    """Another process relays into this stream."""


class Relay:
    """`after` is where to resume, if the stream has no message that says it. `rewind` first deletes, from the stream's
    end, the messages that the log does not have.
    """

    def __init__(
        self, store: Store, target: NatsTarget, store_url: str, *, after: int | None = None, rewind: bool = False
    ) -> None:
        self._store = store
        self._target = target
        self._source = source(store_url)
        self._after = after
        self._rewind = rewind
        self._logged = ""
        self._reported = (0, 0.0)  # a position, and when

    async def work(self) -> Never:
        """Until it is cancelled, whatever fails meanwhile. Raises RelayStopped."""
        while True:
            pause = PAUSE
            try:
                await self._relay()
            except RelayStopped as error:
                self._log(logging.ERROR, str(error))
                raise
            except AtWork:
                self._log(logging.INFO, "another process is at it")
                pause = TAKE_OVER
            except (nats.errors.Error, NotStored) as error:
                self._log(logging.WARNING, str(error) or type(error).__name__)
            except Exception as error:  # of many kinds: only `why_away` knows which mean that the database is away
                if why_away(error) is None:
                    raise
                self._log(logging.WARNING, str(error) or type(error).__name__)
            await asyncio.sleep(pause)

    def _log(self, level: int, line: str) -> None:
        """Once, and not at every attempt."""
        if line != self._logged:
            logger.log(level, "%s: %s", self._target.name, line)
        self._logged = line

    async def _relay(self) -> None:
        name = self._target.name
        async with exclusive(self._store.pool, f"relay {name}", AtWork) as held:
            try:
                async with connected(self._target) as stream:
                    await self._follow(stream, held, await self._resume(stream))
            except RelayStopped as error:
                await report(held, name, problem=str(error))
                raise

    async def _resume(self, stream: JetStream) -> Last:
        """The stream's last message, once nothing is left undone."""
        last = await stream.last(self._after)
        while self._rewind and not await self._is_in_log(last):
            await stream.delete(last)
            last = await stream.last(self._after)
        self._rewind = False
        await self._purge(stream, last)
        self._log(logging.INFO, f"relays after position {last.position}")
        return last

    async def _follow(self, stream: JetStream, held: Connection, last: Last) -> None:
        async def page(after: int, _limit: int) -> list[list[Entry]]:
            if held.is_closed():
                raise AtWork  # as soon as it wants to
            await self._report(held, after)
            entries = await self._page(last)
            return [entries] if entries else []

        def position(entries: list[Entry]) -> int:
            return entries[-1].recorded.position

        async with Subscription(self._store.pool, page, position, after=last.position) as pages:
            async for entries in pages:
                last = await stream.publish([self._message(entry) for entry in entries], last.end)
                await self._purge(stream, last)

    async def _page(self, last: Last) -> list[Entry]:
        """The events after the last one, up to one that erases somebody."""
        try:
            entries = (await page_after(self._store, last.position, limit=PAGE)).entries
        except AheadOfTheLog:
            raise LogSetBack(last.position) from None
        # Afterwards: a log that is set back between the two statements shows it by then.
        if not await self._is_in_log(last):
            raise LogSetBack(last.position)
        erasing = (number for number, entry in enumerate(entries, 1) if entry.type in ERASED)
        return entries[: next(erasing, None)]

    async def _is_in_log(self, last: Last) -> bool:
        digest = await self._store.pool.fetchval(DIGEST, last.position)
        return not last.sequence or digest == last.digest

    def _message(self, entry: Entry) -> Message:
        """Its subject ends in the id of the customer that it is about, or else in the stream, such as user-5."""
        recorded = entry.recorded
        about = recorded.customer_id or "-".join(map(str, recorded.stream))
        return Message(
            recorded.position,
            recorded.digest.hex(),
            f"{self._target.subject}.{entry.type}.{about}",
            MAKE[self._target.form](entry, self._source),
        )

    async def _purge(self, stream: JetStream, last: Last) -> None:
        """If the last message says that somebody is erased, delete all others about them: full ones hold their data.

        Nothing is sent before this is done, so whoever resumes after a crash meets that message again.
        """
        *_, type_, about = "", *last.subject.rsplit(".", 2)
        if self._target.form == "full" and type_ in ERASED:
            await stream.purge(f"{self._target.subject}.*.{about}", last.sequence)

    async def _report(self, held: Connection, position: int) -> None:
        before, at = self._reported
        if (waited := time.monotonic() - at) > ALIVE or (position != before and waited > REPORTS):
            await report(held, self._target.name, position)
            self._reported = position, time.monotonic()


def relaying(store: Store, target: NatsTarget, store_url: str) -> AbstractAsyncContextManager[None]:
    """Relays in the background, until the end of the block. One that has stopped looks again whether it may go on."""
    relay = Relay(store, target, store_url)

    async def work() -> None:
        with suppress(RelayStopped):  # it has logged and reported that
            await relay.work()

    return regularly(TAKE_OVER, work, logger, "events could not be relayed")
