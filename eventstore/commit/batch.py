"""Commands that are written together: which of them are refused, and the one statement that writes the others."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import asyncpg

from domain.event import Claim, Stream
from eventstore.commit.again import Again
from eventstore.commit.claims import Claims, freeing
from eventstore.commit.command import (
    DATABASE,
    Answers,
    PendingCommand,
    claims_of,
    ends_of,
    events_of,
    freed_by,
    keys_of,
    layers,
    passes_on_a_claim,
)
from eventstore.commit.projector import NeedsLocks, Projecting, Projector
from eventstore.commit.unit import Conflict, Rewrapped, Unit
from eventstore.log.log import MAX_KEYS, Expected, Log
from eventstore.postgres.connection import Connection
from eventstore.postgres.durability import sync
from eventstore.postgres.json import encode
from eventstore.postgres.stream_ids import End
from eventstore.reading.instance import Cache
from eventstore.reading.stream_cache import Head
from eventstore.sealing.stream_keys import change_keys, described, making

NOTHING: Answers = MappingProxyType({})


class Batch:
    """One attempt at writing commands. `answers` and `refused` are valid once it is committed.

    `write_whole` is one statement: it locks, writes and commits, but only if everything is as cached. `write` works in
    a transaction: it locks, reads what has changed, decides overtaken commands again, and runs the same statement.
    """

    def __init__(self, connection: Connection, log: Log, projector: Projector, cache: Cache) -> None:
        self.answers: dict[PendingCommand, Any] = {}
        self.refused: dict[PendingCommand, Exception] = {}
        self.is_overtaken = False
        self._connection = connection
        self._log = log
        self._projector = projector
        self._cache = cache
        self._claims = Claims({})
        self._ends: dict[Stream, End] = {}
        self._keys: set[int] = set()
        self._holders: dict[Claim, Stream | None] = {}  # of the claims that are locked
        self._heads: dict[Stream, Head] = {}

    async def write_whole(self, commands: Sequence[PendingCommand]) -> None:
        """Write and commit. Raises NeedsLocks or asyncpg.SerializationError if the cache is behind, among others."""
        if passes_on_a_claim(commands):
            raise NeedsLocks
        self._ends, self._claims = ends_of(commands), Claims(freed_by(commands))
        models = await self._project(commands, is_locked=False)
        if any(command.refusal is None for command in self.refused):  # for rows that may be others now
            raise NeedsLocks
        if events_of(self.answers):
            await self._append(models, Expected(await models.save(), keys_of(commands), self._ends))
            return
        moved, _holders = await self._log.hold(self._connection, self._ends)
        if moved:
            raise NeedsLocks
        if self.answers:
            await sync(self._connection)

    async def write(self, commands: Sequence[PendingCommand], in_doubt: Answers = NOTHING) -> None:
        """Write in the connection's transaction. `in_doubt` has the answers of commits that may have succeeded."""
        await self._lock(commands)
        written = await self._written(commands, in_doubt)
        commands = await self._decided([command for command in commands if command not in written])
        models = await self._project(commands, is_locked=True)
        if events_of(self.answers):
            statement = await models.save()
            await self._end_keys()
            # Last of all, because it holds the log's lock until the commit.
            await self._append(models, Expected(statement, (), {}))
        elif self.answers or written:  # what was seen counts for done, and may not be durable yet
            await sync(self._connection)
        self.answers |= written

    async def _append(self, models: Projecting, expected: Expected) -> None:
        statement = expected.statement
        if made := [new for command in self.answers for new in command.unit.new_keys]:
            statement.add(len(made), making, described(made, self._ended()))
        if freed := self._claims.freed():
            statement.add(len(freed), freeing, encode(freed).decode())
        rows = [row for command in self.answers for row in command.rows]
        try:
            mark = await self._log.append_whole(self._connection, expected, rows, self._claims.taken())
        except asyncpg.NotNullViolationError as error:
            if error.table_name == "stream_keys":
                raise Rewrapped from error
            raise
        models.written(mark)

    async def _end_keys(self) -> None:
        if ended := self._ended():
            await change_keys(self._connection, (), ended)

    def _ended(self) -> list[tuple[Stream, int]]:
        """Streams whose keys are destroyed, each with its last version."""
        events = events_of(self.answers)
        return [(recorded.stream, recorded.version) for recorded in events if recorded.event.outlives_erasure]

    async def _lock(self, commands: Sequence[PendingCommand]) -> None:
        ends, self._keys, claims = ends_of(commands), keys_of(commands), claims_of(commands)
        moved, holders = await self._log.hold(self._connection, ends, self._keys, sorted(claims))
        self._ends, self._claims = ends | moved, Claims(holders)
        self._holders = dict.fromkeys(claims) | holders
        self.is_overtaken = any(ends[stream].version for stream in moved)

    async def _written(self, commands: Sequence[PendingCommand], in_doubt: Answers) -> Answers:
        """Commands whose commit was in doubt and has succeeded. Under the locks that is final: what a lost session
        still does fails, because its streams do not end as it expects.
        """
        doubtful = [command for command in commands if command in in_doubt and command.heads]
        receipts = await self._log.written(self._connection, [c.receipt for c in doubtful]) if doubtful else ()
        written = {command: in_doubt[command] for command in doubtful if command.receipt in receipts}
        for command in written:
            self._heads |= command.heads
        return written

    async def _decided(self, commands: Sequence[PendingCommand]) -> Sequence[PendingCommand]:
        """Decide overtaken commands again, under the locks. Returns all that are not refused."""
        heads = dict(self._heads)
        again: Again | None = None
        decided = []
        for command in commands:
            if not (command.decided and self._has_bases(command.unit, heads)):
                if again is None:
                    again = Again(self._connection, self._log, self._ends, self._holders)
                    await again.begin(commands, heads)
                await again.decide(command)
                decided.append(command)
            if again is not None:
                again.count_on(command.heads)
            heads |= command.heads
        await self._lock_more(decided)
        return [command for command in commands if command not in self.refused]

    async def _lock_more(self, decided: Sequence[PendingCommand]) -> None:
        """Lock what commands that were decided again touch now, without waiting: others may wait for this batch."""
        ends, keys, claims = ends_of(decided), keys_of(decided) - self._keys, claims_of(decided) - self._holders.keys()
        ends = {stream: end for stream, end in ends.items() if stream not in self._ends}
        if not keys and not ends and not claims:
            return
        if len(self._keys | keys) <= MAX_KEYS and not await self._log.try_keys(self._connection, keys):
            self.refused |= {command: Conflict() for command in decided if keys & command.keys}
            return
        moved, holders = await self._log.hold(self._connection, ends, (), sorted(claims))
        self._ends |= ends | moved
        self._claims = self._claims.having(holders)

    async def _project(self, commands: Sequence[PendingCommand], *, is_locked: bool) -> Projecting:
        """Layer by layer, change the read models and make the answers."""
        models = await self._projector.begin(self._connection, events_of(commands), self._cache, is_locked=is_locked)
        for layer in layers(commands):
            accepted = [command for command in layer if await self._accepts(models, command)]
            if accepted:
                await models.apply(events_of(accepted))
                for command in accepted:
                    self.answers[command] = await command.show(models, command.result)
        return models

    async def _accepts(self, models: Projecting, command: PendingCommand) -> bool:
        """Whether the command may be written. An error of the database fails the whole batch."""
        try:
            await self._require(models, command)
        except (*DATABASE, NeedsLocks):
            raise
        except Exception as refusal:
            self.refused[command] = refusal
            return False
        self._heads |= command.heads
        return True

    async def _require(self, models: Projecting, command: PendingCommand) -> None:
        """Raises the reason if the command may not be written."""
        if not self._has_bases(command.unit, self._heads):
            raise Conflict
        if command.refusal is not None:
            raise command.refusal
        if command.check is not None:
            await command.check(models)
        self._claims.change(command.taken, command.freed)

    def _has_bases(self, unit: Unit, heads: Mapping[Stream, Head]) -> bool:
        """Whether the unit's bases are current; `heads` are those that commands before it in the batch lead to."""
        for stream, base in unit.bases.items():
            before = heads.get(stream)
            if before is None and base.is_written and self._ends[stream] == base.end:
                continue
            if before is not base:
                return False
        return True
