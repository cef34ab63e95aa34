"""The servers of a database, one of which takes writes; connections lead to that one. All connections are made here."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, urlencode, urlsplit
from weakref import WeakKeyDictionary

import asyncpg

from eventstore.postgres.away import Unreachable
from eventstore.postgres.connection import Connection
from eventstore.postgres.sessions import SESSION, begin

CONNECT_SECONDS = 5.0  # for each server: one that hangs accepts connections, and then sends nothing
# A connection whose server vanished is given up after some ten seconds, whether it has something to send or not.
WIRE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}


class NotUnicodeError(Exception):
    """The database's encoding is not Unicode, so it can't hold every name."""

    def __init__(self, database: str, encoding: str) -> None:
        super().__init__(
            f"the database {database} has the encoding {encoding}, which can't hold every name: "
            "make one with ENCODING 'UTF8' TEMPLATE template0"
        )


class ServerSession(NamedTuple):
    """A new connection, and the DSN of its server."""

    connection: asyncpg.Connection
    dsn: str
    is_read_only: bool


class _Made(NamedTuple):
    dsn: str
    is_read_only: bool


class Servers:
    """The servers that a DSN names. `missing` is why none of them can be reached, while that is so."""

    def __init__(self, dsn: str) -> None:
        self.missing: Unreachable | None = None
        self._dsns = each_server(dsn)  # the last one that hung comes last
        self._made: WeakKeyDictionary[asyncpg.Connection, _Made] = WeakKeyDictionary()

    async def connect(self, settings: Mapping[str, str] = SESSION) -> asyncpg.Connection:
        """Connects to the server that takes writes; without one, to a server that is read-only, but never to a standby.

        Raises Unreachable, NotUnicodeError, and PostgreSQL's errors of a refused login.
        """
        if self.missing is not None:
            raise Unreachable(str(self.missing), self.missing.why) from self.missing.__cause__
        return (await self.find(settings)).connection

    async def find(self, settings: Mapping[str, str] = SESSION) -> ServerSession:
        """Connects as `connect` does, without what is cached."""
        found: list[ServerSession] = []
        problem: Exception = Unreachable("no server is named")
        try:
            for dsn in tuple(self._dsns):
                try:
                    found.append(await _open(dsn, settings))
                except (Unreachable, asyncpg.PostgresError, asyncpg.TargetServerAttributeNotMatched) as error:
                    problem = error
                    if isinstance(error, Unreachable) and error.why == "hanging":
                        self._dsns.sort(key=lambda each: each == dsn)
                    continue
                if not found[-1].is_read_only:
                    break
            if not found:
                raise problem
            chosen = found.pop(0 if found[-1].is_read_only else -1)
        finally:
            for other in found:
                other.connection.terminate()
        self._made[chosen.connection] = _Made(chosen.dsn, chosen.is_read_only)
        return chosen

    def pool(
        self,
        init: Callable[[asyncpg.Connection], Coroutine[Any, Any, None]],
        *,
        most: int,
        least: int = 1,
        settings: Mapping[str, str] = SESSION,
        statements: int = 50_000,
    ) -> asyncpg.Pool:
        """A pool of connections that are replaced after `statements` statements."""

        async def connect(*_: Any, **_options: Any) -> asyncpg.Connection:
            return await self.connect(settings)

        return asyncpg.create_pool(
            connect=cast("Any", connect), init=init, reset=_keep, min_size=least, max_size=most, max_queries=statements
        )

    def leave(self, *, but: str | None = None) -> None:
        """End all connections except those to one server that may write. Statements that are running fail."""
        for connection, made in tuple(self._made.items()):
            if made != _Made(str(but), is_read_only=False):
                connection.terminate()

    def has_read_only(self) -> bool:
        """Whether a connection is open that began as read-only, and so stays read-only."""
        return any(made.is_read_only and not connection.is_closed() for connection, made in self._made.items())


def each_server(dsn: str) -> list[str]:
    """One DSN for each server that a DSN names, in the same order."""
    parts = urlsplit(dsn)
    who, at, where = parts.netloc.rpartition("@")
    if "," in where:
        return [parts._replace(netloc=f"{who}{at}{each}").geturl() for each in where.split(",")]
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    hosts, ports = query.get("host", "").split(","), query.get("port", "").split(",")
    if len(hosts) == 1:
        return [dsn]
    ports = ports * len(hosts) if len(ports) == 1 else ports
    named = zip(hosts, ports, strict=False)
    each_query = [query | {"host": host} | ({"port": port} if port else {}) for host, port in named]
    return [parts._replace(query=urlencode(each)).geturl() for each in each_query]


async def _open(dsn: str, settings: Mapping[str, str]) -> ServerSession:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await asyncpg.connect(dsn)
            try:
                _mind_the_wire(connection)
                return await _begun(connection, dsn, settings)
            except BaseException:
                connection.terminate()
                raise
    except TimeoutError as error:
        raise Unreachable(f"no answer within {CONNECT_SECONDS:g} s", "hanging") from error
    except OSError as error:
        raise Unreachable(str(error)) from error


async def _begun(connection: asyncpg.Connection, dsn: str, settings: Mapping[str, str]) -> ServerSession:
    ((is_standby, is_read_only, encoding, database, _changed),) = await connection.fetch(begin(settings))
    if is_standby:
        raise asyncpg.TargetServerAttributeNotMatched("it is a standby, which takes no writes")
    if encoding != "UTF8":
        raise NotUnicodeError(database, encoding)
    return ServerSession(connection, dsn, is_read_only)


def _mind_the_wire(connection: asyncpg.Connection) -> None:
    # asyncpg has no parameter for what follows.
    wire = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # noqa: SLF001
    if wire.family == socket.AF_UNIX:
        return
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in WIRE.items():
        if (option := getattr(socket, name, None)) is not None:  # not every system has each
            wire.setsockopt(socket.IPPROTO_TCP, option, value)


async def _keep(_connection: Connection) -> None:
    """Skips asyncpg's reset query, which costs a quarter of the throughput: nothing here leaves state in a session."""
