"""The `eventsourcing` library's recorder contract, in asyncpg: the same calls, awaited, on the same table.

For its test cases: what it requires, the log can do. The service reads and writes through `Log`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from eventsourcing import persistence
from eventsourcing.persistence import IntegrityError, Notification, StoredEvent, Tracking

from eventstore.log.digest import NONE, digest
from eventstore.log.envelopes import Row
from eventstore.log.predecessors import predecessors
from eventstore.log.subscription import Subscription
from eventstore.postgres.json import encode

INSERT = "SELECT notification_id FROM append_events($1::text::json, NULL)"
STREAM = """
    SELECT originator_id, originator_version, topic, state FROM stored_events
    WHERE originator_id = $1
        AND originator_version > coalesce($2, -1) AND originator_version <= coalesce($3, originator_version)
    ORDER BY CASE WHEN $4 THEN -originator_version ELSE originator_version END LIMIT $5"""
LOG = """
    SELECT originator_id, originator_version, topic, state, notification_id FROM stored_events
    WHERE notification_id >= $1 AND notification_id <= coalesce($2, notification_id)
        AND (cardinality($3::text[]) = 0 OR topic = ANY($3))
    ORDER BY notification_id LIMIT $4"""
HEAD = "SELECT max(notification_id) FROM stored_events"
TRACK = """
    INSERT INTO notification_tracking AS t (application_name, notification_id) VALUES ($1, $2)
    ON CONFLICT (application_name) DO UPDATE SET notification_id = $2 WHERE t.notification_id < $2
    RETURNING notification_id"""
TRACKED = "SELECT notification_id FROM notification_tracking WHERE application_name = $1"


class Recorder:
    """The library's process recorder: stored events, and the position of each follower."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    async def insert_events(
        self, stored_events: Sequence[StoredEvent], tracking: Tracking | None = None
    ) -> list[int] | None:
        """Inserts all or none; the positions. Raises IntegrityError when a version or a later tracking exists."""
        with translated_errors():
            async with self.pool.acquire() as connection, connection.transaction():
                if tracking is not None:
                    await _track(connection, tracking)
                rows = await connection.fetch(INSERT, encode(await _rows(connection, stored_events)).decode())
        return [row["notification_id"] for row in rows]

    async def select_events(
        self, originator_id: UUID | str, *, gt: int | None = None, lte: int | None = None, desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:  # fmt: skip
        with translated_errors():
            rows = await self.pool.fetch(STREAM, originator_id, gt, lte, desc, limit)
        return [StoredEvent(*row) for row in rows]

    async def select_notifications(
        self, start: int | None, limit: int, stop: int | None = None, topics: Sequence[str] = (), *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:  # fmt: skip
        first = 0 if start is None else start if inclusive_of_start else start + 1
        with translated_errors():
            return await self._notifications(first, limit, stop, topics)

    async def max_notification_id(self) -> int | None:
        with translated_errors():
            position: int | None = await self.pool.fetchval(HEAD)
        return position

    async def insert_tracking(self, tracking: Tracking) -> None:
        """Raises IntegrityError when the follower's position is this one, or later."""
        with translated_errors():
            async with self.pool.acquire() as connection:
                await _track(connection, tracking)

    async def max_tracking_id(self, application_name: str) -> int | None:
        with translated_errors():
            position: int | None = await self.pool.fetchval(TRACKED, application_name)
        return position

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[Notification]:
        """Yields every notification after a position, as it comes."""

        async def page(after: int, limit: int) -> list[Notification]:
            return await self._notifications(after + 1, limit, None, topics)

        return Subscription(self.pool, page, lambda notification: notification.id, after=gt or 0)

    async def _notifications(
        self, first: int, limit: int, stop: int | None, topics: Sequence[str]
    ) -> list[Notification]:
        return [Notification(*row) for row in await self.pool.fetch(LOG, first, stop, list(topics), limit)]


async def _rows(connection: asyncpg.pool.PoolConnectionProxy, events: Sequence[StoredEvent]) -> list[Row]:
    now = datetime.now(UTC)
    digests = await predecessors(connection, [(as_uuid(event), event.originator_version) for event in events])
    rows = []
    for event in events:
        id_ = as_uuid(event)
        stored = (id_.bytes, event.originator_version, event.topic, event.state, now, "", "", "", None, None)
        digests[id_] = linked = digest(digests.get(id_, NONE), stored)
        rows.append(Row(id_.hex, event.originator_version, event.topic, event.state, linked, now))
    return rows


def as_uuid(event: StoredEvent) -> UUID:
    return event.originator_id if isinstance(event.originator_id, UUID) else UUID(event.originator_id)


async def _track(connection: asyncpg.pool.PoolConnectionProxy, tracking: Tracking) -> None:
    if await connection.fetchval(TRACK, tracking.application_name, tracking.notification_id) is None:
        raise IntegrityError(f"{tracking.application_name} has tracked {tracking.notification_id} or later")


@contextmanager
def translated_errors() -> Iterator[None]:
    """The errors of asyncpg as the library's."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(str(error)) from error
    except asyncpg.DataError as error:
        raise persistence.DataError(str(error)) from error
    except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, OSError) as error:
        raise persistence.OperationalError(str(error)) from error
    except asyncpg.SyntaxOrAccessError as error:
        raise persistence.ProgrammingError(str(error)) from error
    except asyncpg.InterfaceError as error:
        raise persistence.InterfaceError(str(error)) from error
    except asyncpg.PostgresError as error:
        raise persistence.DatabaseError(str(error)) from error
