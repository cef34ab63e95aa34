"""One transaction of many commands: what each of them is refused for, and what all of them leave behind."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import asyncpg

from domain.event import Claim, Recorded, Stream
from eventstore.claims import Claims
from eventstore.claims import lock_key as claim_key
from eventstore.heads import Head
from eventstore.keys import MasterKeyChangedError, change_keys
from eventstore.log import Connection, Log, Receipt, Session
from eventstore.streams import lock_key
from eventstore.unit import Conflict, Rewrapped, Unit
from eventstore.view import View

Project = Callable[[Session, Sequence[Recorded]], Awaitable[None]]
Check = Callable[[Session], Awaitable[None]]
Show = Callable[[Session, Any], Awaitable[Any]]

LARGE = 100  # events or keys of one command, from which on it does not go with others


class Asked(NamedTuple):
    """What is asked of a command's transaction, beside its events.

    Of those with the same `alone`, each is checked after the ones before it are shown.
    """

    show: Show
    check: Check | None = None
    alone: Claim | None = None


class Waiting:
    """A command that was decided on, and waits to be written. `outcome` is what its caller waits for.

    `touched` are keys of what its events are about, `keys` also of what it was decided on and of its claims.
    """

    def __init__(self, unit: Unit, log: Log, result: Any, asked: Asked) -> None:
        loop = asyncio.get_running_loop()
        self.unit = unit
        self.result = result
        self.show = asked.show
        self.check = asked.check
        self.outcome: asyncio.Future[Any] = loop.create_future()
        self.ended: asyncio.Future[bool] = loop.create_future()
        digests = {stream: base.digest for stream, base in unit.bases.items()}
        self.rows = log.rows(unit.events, unit.keys, digests)
        self.size = sum(map(len, self.rows))
        self.taken, self.freed = unit.claims()
        self.heads = unit.heads(digests, self.ended)
        self.touched = _touched(unit.events)
        if asked.alone is not None:
            self.touched.add(claim_key(asked.alone))
        self.keys = self.touched.union(map(lock_key, unit.bases))
        if self.taken or self.freed:
            self.keys |= {claim_key(claim) for claim in (*self.taken, *self.freed)}
        self.is_large = max(len(self.rows), len(self.keys)) > LARGE

    def succeed(self, shown: Any) -> None:
        self.ended.set_result(True)
        for head in self.heads.values():
            head.ended = None
        if not self.outcome.done():
            self.outcome.set_result(shown)

    def fail(self, error: BaseException) -> None:
        if not self.ended.done():
            self.ended.set_result(False)
        if not self.outcome.done():
            self.outcome.set_exception(error)


def _touched(events: Iterable[Recorded]) -> set[int]:
    """Keys of the streams and the customers that the events are about."""
    keys = set()
    for recorded in events:
        keys.add(lock_key(recorded.stream))
        if recorded.customer_id is not None:
            keys.add(lock_key(Stream("customer", recorded.customer_id)))
        if recorded.former_customer_id is not None:
            keys.add(lock_key(Stream("customer", recorded.former_customer_id)))
    return keys


class Batch:
    """A transaction up to its commit. `shown` and `refused` count when it is committed, and not before.

    A careful one finds out which command it is that fails; one that is not takes as few round trips as it can.
    """

    def __init__(self, connection: Connection, log: Log, project: Project, keep: Project, *, careful: bool) -> None:
        self.shown: dict[Waiting, Any] = {}
        self.refused: dict[Waiting, Exception] = {}
        self.receipt: Receipt | None = None
        self._connection = connection
        self._log = log
        self._project = project
        self._keep = keep
        self._careful = careful
        self._claims = Claims({})
        self._ends: dict[Stream, int] = {}
        self._heads: dict[Stream, Head] = {}

    async def write(self, commands: Sequence[Waiting]) -> None:
        """Everything but the commit."""
        await self._hold(commands)
        if self._careful:
            for command in commands:
                await self._apart(command)
        else:
            view = View(self._connection, [recorded for command in commands for recorded in command.unit.events])
            for layer in layers(commands):
                await self._together(view, layer)
            await view.flush()
        if events := [recorded for command in self.shown for recorded in command.unit.events]:
            await self._keep(self._connection, events)
            await self._change_keys(events)
        # Last of all, because it holds the log's lock until the commit.
        if rows := [row for command in self.shown for row in command.rows]:
            [(position, recorded_at), *_] = await self._log.append_rows(self._connection, rows, *self._claims.changes())
            first = next(iter(self.shown)).unit.events[0]
            self.receipt = Receipt(first.stream, first.version, position, recorded_at)

    async def _change_keys(self, events: Iterable[Recorded]) -> None:
        """Raises Rewrapped."""
        made = [made for command in self.shown for made in command.unit.new_keys]
        ended = [(recorded.stream, recorded.version) for recorded in events if recorded.event.outlives_erasure]
        if made or ended:
            try:
                await change_keys(self._connection, made, ended)
            except MasterKeyChangedError as error:
                raise Rewrapped from error

    async def _hold(self, commands: Iterable[Waiting]) -> None:
        keys = {key for command in commands for key in command.keys}
        ends = {
            stream: base.version
            for command in commands
            for stream, base in command.unit.bases.items()
            if base.ended is None
        }
        claims = sorted({claim for command in commands for claim in (*command.taken, *command.freed)})
        moved, holders = await self._log.hold(self._connection, ends, keys, claims)
        self._ends, self._claims = ends | moved, Claims(holders)

    async def _together(self, view: View, commands: Iterable[Waiting]) -> None:
        accepted = [command for command in commands if await self._accepts(view, command)]
        if accepted:
            await self._project(view, [recorded for command in accepted for recorded in command.unit.events])
            for command in accepted:
                self.shown[command] = await command.show(view, command.result)

    async def _apart(self, command: Waiting) -> None:
        before = self._claims.copy(), dict(self._heads)
        try:
            async with self._connection.transaction():
                view = View(self._connection, command.unit.events)
                await self._together(view, [command])
                await view.flush()
        except Exception as error:
            if is_lost(self._connection, error):
                raise
            self.shown.pop(command, None)
            self.refused[command] = Conflict() if isinstance(error, asyncpg.UniqueViolationError) else error
            self._claims, self._heads = before

    async def _accepts(self, view: View, command: Waiting) -> bool:
        """Whether it may be written. A refusal by the database itself is an error of the whole transaction."""
        try:
            self._require_bases(command.unit)
            if command.check is not None:
                await command.check(view)
            self._claims.change(command.taken, command.freed)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            raise
        except Exception as refusal:
            self.refused[command] = refusal
            return False
        self._heads |= command.heads
        return True

    def _require_bases(self, unit: Unit) -> None:
        """Raises Conflict unless the log, with the commands before this one, is at what the unit was decided on."""
        for stream, base in unit.bases.items():
            before = self._heads.get(stream)
            if before is None and base.ended is None and self._ends[stream] == base.version:
                continue
            if before is not base:
                raise Conflict


def layers(commands: Iterable[Waiting]) -> list[list[Waiting]]:
    """In order, those that touch nothing in common: each is checked and shown as if the others weren't there."""
    layers: list[list[Waiting]] = []
    touched: set[int] = set()
    for command in commands:
        if not layers or not touched.isdisjoint(command.touched):
            layers.append([])
            touched = set()
        layers[-1].append(command)
        touched |= command.touched
    return layers


def is_lost(connection: Connection, error: Exception) -> bool:
    """Whether the error is the connection's end, of which the server may have said why before it went."""
    if isinstance(error, GONE) or getattr(error, "severity_en", None) in {"FATAL", "PANIC"}:
        return True
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken it back already
        return True


GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # a statement meets a connection that has just been told of its end
)
