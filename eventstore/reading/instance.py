"""What a process caches of a server, as long as it is the same one: since its start, and on one timeline."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol
from weakref import WeakKeyDictionary

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from eventstore.postgres.connection import Connection
from eventstore.reading.stream_cache import StreamCache

# A standby that is promoted begins a timeline, as does a recovery to a point in time; files that are put back need
# another start. A plain role may ask all of it.
INSTANCE = """
    SELECT (pg_control_system()).system_identifier,
        CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
        pg_postmaster_start_time()"""


class Instance(NamedTuple):
    """Identifies a server's run: data that were read on one may never have been on another, even of one database."""

    system_identifier: int
    timeline: str | None  # None for a standby
    started_at: datetime


class Cache(Protocol):
    """What the projector keeps in memory of an instance."""

    def clear(self) -> None: ...


class Remembered:
    """What is cached of one instance: folded streams, the rows of read models, and how far its log is known to be
    durable.
    """

    def __init__(self, rows: Cache) -> None:
        self.heads = StreamCache()
        self.rows = rows
        self.durable = 0


class Instances:
    """`remembered` is the cache of the newest instance. It is replaced, not emptied: work that is still under way on
    the former instance fills a cache that nobody reads.
    """

    def __init__(self, new_cache: Callable[[], Cache]) -> None:
        self.remembered = Remembered(new_cache())
        self._new_cache = new_cache
        self._last: Instance | None = None
        self._known: WeakKeyDictionary[asyncpg.Connection, Remembered] = WeakKeyDictionary()

    async def of(self, connection: Connection) -> Remembered:
        """The cache of a connection's instance. A new connection is asked for its instance once; one that the pool has
        taken back, because it ended, raises InterfaceError.
        """
        itself = connection._con if isinstance(connection, PoolConnectionProxy) else connection  # type: ignore[attr-defined]  # noqa: SLF001
        if itself is not None and (known := self._known.get(itself)) is not None:
            return known
        instance = Instance(*(await connection.fetch(INSTANCE))[0])
        if instance != self._last:
            if self._last is not None:
                self.remembered = Remembered(self._new_cache())
            self._last = instance
        self._known[itself] = self.remembered
        return self.remembered
