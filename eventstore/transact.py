"""Commands into the log: load, decide, append, in one transaction with claims and projections."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import asyncpg
import msgspec

from domain.event import Claim, Decider, Recorded, Stream
from domain.refusals import ClaimTaken
from eventstore.log import Connection, Log
from eventstore.streams import MAX_ID, from_uuid, to_uuid

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")

Project = Callable[[Connection, Sequence[Recorded]], Awaitable[None]]

ATTEMPTS = 100
FREE = "DELETE FROM claims USING unnest($1::text[], $2::text[], $3::uuid[]) AS f (kind, value, originator_id) \
    WHERE (claims.kind, claims.value, claims.originator_id) = (f.kind, f.value, f.originator_id)"
TAKE = """
    INSERT INTO claims (kind, value, originator_id)
    SELECT kind, value, originator_id FROM unnest($1::text[], $2::text[], $3::uuid[]) AS t (kind, value, originator_id)
    ORDER BY kind, value ON CONFLICT DO NOTHING RETURNING 1"""
TAKEN = """
    SELECT kind, value FROM unnest($1::text[], $2::text[], $3::uuid[]) AS t (kind, value, originator_id)
    JOIN claims USING (kind, value) WHERE claims.originator_id <> t.originator_id LIMIT 1"""
# In one order for all, so that two who give up what the other wants don't wait for each other in a circle.
HOLD = """
    SELECT FROM claims JOIN unnest($1::text[], $2::text[]) AS w (kind, value) USING (kind, value)
    ORDER BY kind, value FOR UPDATE OF claims"""
HOLDERS = """
    SELECT kind, value, originator_id FROM claims
    JOIN unnest($1::text[], $2::text[]) AS w (kind, value) USING (kind, value)"""
BEGIN_AFTER = (
    "SELECT setval('{kind}_ids', greatest($1, last_value)) FROM {kind}_ids WHERE NOT is_called OR last_value < $1"
)
NEXT_IDS = "SELECT nextval($1::text::regclass) FROM generate_series(1, $2)"


class Conflict(Exception):
    """What was decided on has changed meanwhile."""


class Contended(Exception):
    """The decision was overtaken every time."""


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, when (UTC), and in which request."""

    actor: str
    at: datetime
    request_id: str = ""
    correlation_id: str = ""


class Unit:
    """One attempt at a command: the streams that it has loaded, and the events that it has decided on."""

    def __init__(self, pool: asyncpg.Pool, log: Log, by: By) -> None:
        self.pool = pool
        self.by = by
        self.events: list[Recorded] = []
        self._log = log
        self._states: dict[Stream, tuple[Any, int]] = {}
        self._before: dict[Stream, tuple[Decider[Any], Any]] = {}

    async def load(self, decider: Decider[S], id_: int) -> S:
        """The state of a stream, with the events that this unit has decided on."""
        stream = Stream(decider.category, id_)
        if stream not in self._states:
            await self.load_many(decider, [id_])
        state: S = self._states[stream][0]
        return state

    async def load_many(self, decider: Decider[Any], ids: Iterable[int]) -> list[Recorded]:
        """Load streams in one round trip, for `load` and `decide`; the events of those that were not loaded yet."""
        streams = {stream for id_ in ids if (stream := Stream(decider.category, id_)) not in self._states}
        self._states.update(dict.fromkeys(streams, (decider.initial, 0)))
        history = await self._history(streams) if streams else []
        for recorded in history:
            state, _version = self._states[recorded.stream]
            self._states[recorded.stream] = decider.evolve(state, recorded.event), recorded.version
        return history

    async def _history(self, streams: Iterable[Stream]) -> list[Recorded]:
        return await self._log.streams(self.pool, streams)

    async def decide(self, decider: Decider[Any], id_: int, command: Any, *, at: datetime | None = None) -> None:
        """Decide on a command; `at` is when it happened, if not now. Raises the domain's refusals."""
        before = await self.load(decider, id_)
        stream = Stream(decider.category, id_)
        self._before.setdefault(stream, (decider, before))
        for event in decider.decide(command, before):
            state, version = self._states[stream]
            after = decider.evolve(state, event)
            self._states[stream] = after, version + 1
            customer, former = decider.customer_of(id_, after), decider.customer_of(id_, state)
            self.events.append(
                Recorded(
                    stream=stream,
                    version=version + 1,
                    event=event,
                    occurred_at=at or self.by.at,
                    actor=self.by.actor,
                    request_id=self.by.request_id,
                    correlation_id=self.by.correlation_id,
                    customer_id=customer,
                    former_customer_id=former if former != customer else None,
                )
            )

    async def new_id(self, decider: Decider[Any]) -> int:
        """An id that no stream of this kind has had. It may go unused."""
        [id_] = await self.new_ids(decider, 1)
        return id_

    async def new_ids(self, decider: Decider[Any], count: int) -> list[int]:
        """As `new_id`, many at once."""
        free: list[int] = []
        while missing := count - len(free):
            ids = await self.next_ids(decider.category, missing)
            await self.load_many(decider, ids)
            free += [id_ for id_ in ids if await self.load(decider, id_) is decider.initial]
        return free

    async def next_ids(self, kind: str, count: int) -> list[int]:
        """New ids for streams, or for parts of them: address, item."""
        return [row[0] for row in await self.pool.fetch(NEXT_IDS, f"{kind}_ids", count)]

    async def pass_id(self, kind: str, id_: int) -> None:
        """Make new ids start after one that came from outside, if that leaves room for them."""
        if id_ <= MAX_ID // 2:
            await self.pool.execute(BEGIN_AFTER.format(kind=kind), id_)

    async def holders(self, claims: Collection[Claim]) -> dict[Claim, Stream]:
        """Who holds these claims, of those that are held."""
        rows = await self.pool.fetch(HOLDERS, [claim.kind for claim in claims], [claim.value for claim in claims])
        return {Claim(kind, value): from_uuid(originator_id) for kind, value, originator_id in rows}

    def claims(self) -> tuple[dict[Claim, Stream], dict[Claim, Stream]]:
        """The claims that the decided events take and free, with their streams."""
        taken: dict[Claim, Stream] = {}
        freed: dict[Claim, Stream] = {}
        for stream, (decider, before) in self._before.items():
            former, current = decider.claims(before), decider.claims(self._states[stream][0])
            taken |= dict.fromkeys(current - former, stream)
            freed |= dict.fromkeys(former - current, stream)
        return taken, freed


class Store:
    """Where commands go in. `project` writes the read models, in the transaction of the events."""

    def __init__(self, pool: asyncpg.Pool, log: Log, project: Project) -> None:
        self.pool = pool
        self.log = log
        self._project = project

    async def transact(self, by: By, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Run the work and write what it decided on, all or nothing; its result.

        Made again from the start when another command was faster. Raises the work's refusals, ClaimTaken, Contended.
        """
        return await self.answer(by, work, _result)

    async def answer(
        self,
        by: By,
        work: Callable[[Unit], Awaitable[T]],
        show: Callable[[Connection, T], Awaitable[R]],
        *,
        check: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> R:
        """As `transact`, but in the same transaction `check` comes before the writing, and may raise, and `show` after.

        `show` sees the read models as the command leaves them, and what it writes is as durable as the events.
        """
        for attempt in range(ATTEMPTS):
            unit = Unit(self.pool, self.log, by)
            result = await work(unit)
            try:
                async with self.pool.acquire() as connection, connection.transaction():
                    if check is not None:
                        await check(connection)
                    if unit.events:
                        await self._write(connection, unit)
                    shown = await show(connection, result)
                    if unit.events:
                        await self._append(connection, unit)
            except (Conflict, asyncpg.DeadlockDetectedError):
                await asyncio.sleep(0.001 * attempt)
            else:
                return shown
        raise Contended

    async def _write(self, connection: Connection, unit: Unit) -> None:
        """Claims and read models."""
        taken, freed = unit.claims()
        if freed:
            await connection.execute(HOLD, *_columns(freed | taken)[:2])
            await connection.execute(FREE, *_columns(freed))
        if taken and len(await connection.fetch(TAKE, *_columns(taken))) < len(taken):
            held = await connection.fetchrow(TAKEN, *_columns(taken))
            raise ClaimTaken(*held) if held else Conflict
        await self._project(connection, unit.events)

    async def _append(self, connection: Connection, unit: Unit) -> None:
        """The events: last of all, because it holds the log's lock until the commit."""
        try:
            await self.log.append(connection, unit.events)
        except asyncpg.UniqueViolationError as error:
            raise Conflict from error


async def _result(_connection: Connection, result: T) -> T:
    return result


def _columns(claims: dict[Claim, Stream]) -> tuple[list[str], list[str], list[Any]]:
    return (
        [claim.kind for claim in claims],
        [claim.value for claim in claims],
        [to_uuid(stream) for stream in claims.values()],
    )
