"""One transaction of many commands: what each of them is refused for, and what all of them leave behind."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import asyncpg

from domain.event import Claim, Recorded, Stream
from eventstore.commit.again import Again
from eventstore.commit.claims import Claims
from eventstore.commit.command import Waiting, claims_of, ends_of, events_of, keys_of, layers
from eventstore.commit.unit import Conflict, Rewrapped, Unit
from eventstore.log.log import MAX_KEYS, Connection, Log, Session
from eventstore.postgres.durability import sync
from eventstore.postgres.row_cache import Memory
from eventstore.postgres.stream_ids import End
from eventstore.postgres.view import View
from eventstore.reading.stream_cache import Head
from eventstore.sealing.stream_keys import MasterKeyChangedError, change_keys

DATABASE = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)  # what fails a whole transaction
NOTHING: Mapping[Waiting, Any] = MappingProxyType({})

Project = Callable[[Session, Sequence[Recorded]], Awaitable[None]]


class Means(NamedTuple):
    """What batches are written with."""

    log: Log
    project: Project
    keep: Project


class Batch:
    """A transaction up to its commit. `shown` and `refused` count when it is committed, and not before.

    A careful one finds out which command it is that fails; one that is not takes as few round trips as it can.
    """

    def __init__(self, connection: Connection, means: Means, memory: Memory, *, careful: bool = False) -> None:
        self.shown: dict[Waiting, Any] = {}
        self.refused: dict[Waiting, Exception] = {}
        self.is_overtaken = False
        self._connection = connection
        self._log, self._project, self._keep = means
        self._memory = memory
        self._careful = careful
        self._claims = Claims({})
        self._ends: dict[Stream, End] = {}
        self._keys: set[int] = set()
        self._wanted: set[Claim] = set()
        self._heads: dict[Stream, Head] = {}
        self._written: dict[Waiting, Any] = {}

    async def write(self, commands: Sequence[Waiting], in_doubt: Mapping[Waiting, Any] = NOTHING) -> None:
        """Everything but the commit. `in_doubt` is what was shown in a commit of which nobody knows what became."""
        await self._hold(commands)
        commands = await self._unwritten(commands, in_doubt)
        if self._careful:
            for command in commands:
                await self._apart(command)
        else:
            commands = await self._decided(commands)
            view = View(self._connection, events_of(commands), self._memory)
            await self._in_layers(view, commands)
            await view.flush()
        if events := events_of(self.shown):
            await self._keep(self._connection, events)
            await self._change_keys(events)
        # Last of all, because it holds the log's lock until the commit.
        if rows := [row for command in self.shown for row in command.rows]:
            await self._log.append_rows(self._connection, rows, *self._claims.changes())
        elif self.shown or self._written:  # what was seen counts for done, and may not be durable yet
            await sync(self._connection)
        self.shown |= self._written

    async def _change_keys(self, events: Iterable[Recorded]) -> None:
        """Raises Rewrapped."""
        made = [new for command in self.shown for new in command.unit.new_keys]
        ended = [(recorded.stream, recorded.version) for recorded in events if recorded.event.outlives_erasure]
        if made or ended:
            try:
                await change_keys(self._connection, made, ended)
            except MasterKeyChangedError as error:
                raise Rewrapped from error

    async def _hold(self, commands: Sequence[Waiting]) -> None:
        ends, self._keys, claims = ends_of(commands), keys_of(commands), claims_of(commands)
        moved, holders = await self._log.hold(self._connection, ends, self._keys, sorted(claims))
        self._ends, self._claims, self._wanted = ends | moved, Claims(holders), claims

    async def _decided(self, commands: Sequence[Waiting]) -> Sequence[Waiting]:
        """Those that stand. Whoever was overtaken is decided again, on what is held."""
        heads = dict(self._heads)
        again: Again | None = None
        standing, decided = [], []
        for command in commands:
            if not (command.is_decided and self._has_bases(command.unit, heads)):
                if again is None:
                    again = Again(self._connection, self._log, self._ends)
                    await again.begin(commands, heads)
                try:
                    await again.decide(command)
                except DATABASE:
                    raise
                except Exception as refusal:
                    self.refused[command] = refusal
                    continue
                decided.append(command)
            if again is not None:
                again.count_on(command.heads)
            heads |= command.heads
            standing.append(command)
        self.is_overtaken = self.is_overtaken or again is not None
        await self._hold_more(decided)
        return [command for command in standing if command not in self.refused]

    async def _hold_more(self, decided: Sequence[Waiting]) -> None:
        """What those touch who were decided again and touch something else now. They can't wait for it: others may wait
        for us.
        """
        ends, keys, claims = ends_of(decided), keys_of(decided) - self._keys, claims_of(decided) - self._wanted
        ends = {stream: end for stream, end in ends.items() if stream not in self._ends}
        if not keys and not ends and not claims:
            return
        if len(self._keys | keys) <= MAX_KEYS and not await self._log.try_keys(self._connection, keys):
            self.refused |= {command: Conflict() for command in decided if keys & command.keys}
            return
        moved, holders = await self._log.hold(self._connection, ends, (), sorted(claims))
        self._ends |= ends | moved
        self._keys = self._keys | keys
        self._wanted = self._wanted | claims
        self._claims = self._claims.having(holders)

    async def _unwritten(self, commands: Sequence[Waiting], in_doubt: Mapping[Waiting, Any]) -> Sequence[Waiting]:
        """Those that are left to be written. Whoever holds the locks sees what a lost session has done with them; and
        what comes of it later meets streams that do not end as it expects.
        """
        receipts = [command.receipt for command in commands if command in in_doubt and command.heads]
        written = await self._log.written(self._connection, receipts) if receipts else ()
        self._written = {
            command: in_doubt[command]
            for command in commands
            if command in in_doubt and command.heads and command.receipt in written
        }
        for command in self._written:
            self._heads |= command.heads
        return [command for command in commands if command not in self._written]

    async def _in_layers(self, view: View, commands: Iterable[Waiting]) -> None:
        await self._project(view, ())  # reads what all of them touch, before anybody asks for a part of it
        for layer in layers(commands):
            await self._together(view, layer)

    async def _together(self, view: View, commands: Iterable[Waiting]) -> None:
        accepted = [command for command in commands if await self._accepts(view, command)]
        if accepted:
            await self._project(view, events_of(accepted))
            for command in accepted:
                self.shown[command] = await command.show(view, command.result)

    async def _apart(self, command: Waiting) -> None:
        before = self._claims.copy(), dict(self._heads), dict(self._ends), self._keys, self._wanted
        try:
            async with self._connection.transaction():
                for decided in await self._decided([command]):
                    view = View(self._connection, decided.unit.events, self._memory)
                    await self._together(view, [decided])
                    await view.flush()
        except Exception as error:
            if is_lost(self._connection, error):
                raise
            self.shown.pop(command, None)
            self.refused[command] = Conflict() if isinstance(error, asyncpg.UniqueViolationError) else error
            self._claims, self._heads, self._ends, self._keys, self._wanted = before

    async def _accepts(self, view: View, command: Waiting) -> bool:
        """Whether it may be written. A refusal by the database itself is an error of the whole transaction."""
        if not self._has_bases(command.unit, self._heads):
            self.refused[command] = Conflict()
            return False
        try:
            if command.check is not None:
                await command.check(view)
            self._claims.change(command.taken, command.freed)
        except DATABASE:
            raise
        except Exception as refusal:
            self.refused[command] = refusal
            return False
        self._heads |= command.heads
        return True

    def _has_bases(self, unit: Unit, heads: Mapping[Stream, Head]) -> bool:
        """Whether the log, with the commands that lead to these heads, is at what the unit was decided on."""
        for stream, base in unit.bases.items():
            before = heads.get(stream)
            if before is None and base.ended is None and self._ends[stream] == base.end:
                continue
            if before is not base:
                return False
        return True


def is_lost(connection: Connection, error: Exception) -> bool:
    """Whether the error is the connection's end, of which the server may have said why before it went; or that there is
    no answer, and so no telling what becomes of what was sent.
    """
    if isinstance(error, (*GONE, TimeoutError)) or getattr(error, "severity_en", None) in {"FATAL", "PANIC"}:
        return True
    return has_ended(connection)


def has_ended(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken it back already
        return True


GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # a statement meets a connection that is just being closed
)
