"""The log: recorded events into and out of `stored_events`."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

import asyncpg

from domain.event import Event, Recorded, Stream
from eventstore.codec import Codec
from eventstore.streams import from_uuid, to_uuid

Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Executor: TypeAlias = Connection | asyncpg.Pool

PAGE = 10_000

COLUMNS = """originator_id, originator_version, topic, state, notification_id, occurred_at, recorded_at,
    actor, request_id, correlation_id, customer_id, former_customer_id"""
STREAMS = f"""
    SELECT {COLUMNS} FROM stored_events
    WHERE originator_id = ANY($1) ORDER BY originator_id, originator_version"""
STREAM = f"""
    SELECT {COLUMNS} FROM stored_events
    WHERE originator_id = $1 AND originator_version > $2 AND originator_version <= coalesce($3, originator_version)
        AND recorded_at <= coalesce($4, recorded_at)
    ORDER BY originator_version"""
LOG = f"""
    SELECT {COLUMNS} FROM stored_events
    WHERE notification_id > $1 ORDER BY notification_id LIMIT $2"""
HEAD = "SELECT max(notification_id) FROM stored_events"
APPEND = """
    SELECT notification_id, recorded_at
    FROM append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""


class Log:
    """Reads and appends recorded events. Every method takes the connection or pool that it works on."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    async def streams(self, on: Executor, streams: Iterable[Stream]) -> list[Recorded]:
        """All events of these streams, stream by stream, each in order of version."""
        rows = await on.fetch(STREAMS, [to_uuid(stream) for stream in streams])
        return [self.recorded(row) for row in rows]

    async def stream(
        self, on: Executor, stream: Stream, *, after: int = 0, until: int | None = None, at: datetime | None = None
    ) -> list[Recorded]:
        """One stream's events after a version, up to a version or a recorded time."""
        rows = await on.fetch(STREAM, to_uuid(stream), after, until, at)
        return [self.recorded(row) for row in rows]

    async def page(self, on: Executor, after: int, limit: int = PAGE) -> list[Recorded]:
        """The next events of the log after a position, in order."""
        return [self.recorded(row) for row in await on.fetch(LOG, after, limit)]

    async def pages(self, on: Executor, after: int = 0, until: int | None = None) -> AsyncIterator[list[Recorded]]:
        """The log from a position on, page by page, up to a position or to the end of now."""
        while page := await self.page(on, after):
            if until is not None and page[-1].position > until:
                page = [recorded for recorded in page if recorded.position <= until]
                if page:
                    yield page
                return
            yield page
            after = page[-1].position

    async def head(self, on: Executor) -> int:
        """The position of the newest event; 0 for an empty log."""
        return await on.fetchval(HEAD) or 0

    async def append(self, on: Connection, events: Sequence[Recorded]) -> list[int]:
        """Write events in the connection's transaction, as late in it as can be: it holds the log's lock until it ends.

        Returns their positions. Raises asyncpg.UniqueViolationError when a version is taken.
        """
        stored = [self.codec.encode(recorded.event) for recorded in events]
        rows = await on.fetch(
            APPEND,
            [to_uuid(recorded.stream) for recorded in events],
            [recorded.version for recorded in events],
            [topic for topic, _ in stored],
            [state for _, state in stored],
            [recorded.occurred_at for recorded in events],
            [recorded.actor for recorded in events],
            [recorded.request_id for recorded in events],
            [recorded.correlation_id for recorded in events],
            [recorded.customer_id for recorded in events],
            [recorded.former_customer_id for recorded in events],
        )
        return [row["notification_id"] for row in rows]

    def recorded(self, row: asyncpg.Record) -> Recorded:
        """A row of COLUMNS, decoded."""
        event: Event = self.codec.decode(row[2], row[3])
        return Recorded(
            stream=from_uuid(row[0]),
            version=row[1],
            event=event,
            position=row[4],
            occurred_at=row[5],
            recorded_at=row[6],
            actor=row[7],
            request_id=row[8],
            correlation_id=row[9],
            customer_id=row[10],
            former_customer_id=row[11],
        )
