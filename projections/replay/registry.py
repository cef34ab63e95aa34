"""The replays that were requested, are running, or have ended."""

import hashlib
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

import asyncpg
import msgspec

from eventstore.postgres.connection import Connection, Executor
from eventstore.postgres.json import encode_numbers
from projections.fold.fold import Poison
from projections.fold.ranges import Range, split
from projections.models import PROJECTIONS
from projections.models.figures import FIGURES
from projections.tables.projection import Part, Projection
from projections.tables.schema import fingerprint
from projections.tables.swap import Swap

Status: TypeAlias = Literal[
    "waiting",
    "building",
    "comparing",
    "ready",
    "swapping",
    "swapped",
    "rolling_back",
    "rolled_back",
    "cancelled",
    "failed",
]
BUILDING: tuple[Status, ...] = ("waiting", "building", "comparing")
EXCHANGING: tuple[Status, ...] = ("swapping", "rolling_back")
ENDED: tuple[Status, ...] = ("ready", "swapped", "rolled_back", "cancelled", "failed")

COLUMNS = """id, projections, low, high, since, swap, until, position, total, status, is_to_end, report, error,
    started_by, started_at, finished_at,
    (SELECT coalesce(sum(events), 0) FROM replay_ranges WHERE replay_id = replays.id)::bigint AS done"""
INSERT = """
    INSERT INTO replays (projections, low, high, since, swap, shape, started_by, until, position, total)
    SELECT $1, $2, $3, $4, $5, $6, $7, coalesce(max(notification_id), 0), coalesce(max(notification_id), 0), 0
    FROM stored_events RETURNING id"""
INSERT_RANGE = "INSERT INTO replay_ranges (replay_id, part, low, high) VALUES ($1, $2, $3, $4)"
COUNT_ALL = "UPDATE replays SET total = (SELECT count(*) FROM stored_events) WHERE id = $1"
COUNT_SOME = """
    UPDATE replays SET total = (
        SELECT count(*) FROM replay_ranges JOIN stored_events ON customer_id BETWEEN low AND high WHERE replay_id = $1)
    WHERE id = $1"""
# By ranges and not by rows, of which a replay of some has very many others.
LIVE_IDS = """
    SELECT t.id FROM replay_ranges AS r JOIN public.{name} AS t ON t.{owner} BETWEEN r.low AND r.high
    WHERE r.replay_id = {replay} AND r.part = '{part}' UNION SELECT id FROM {schema}.{name}"""
TOUCHED = """
    SELECT DISTINCT id FROM stored_events CROSS JOIN LATERAL (VALUES (customer_id), (former_customer_id)) AS whose (id)
    WHERE notification_id >= $1 AND id IS NOT NULL ORDER BY id"""
FIND = f"SELECT {COLUMNS} FROM replays WHERE id = $1"
LIST = f"SELECT {COLUMNS} FROM replays ORDER BY id DESC LIMIT $1"
SAME = """
    SELECT id FROM replays WHERE status = ANY($1) AND NOT is_to_end AND shape = $2 AND projections = $3 AND swap = $4
        AND low IS NOT DISTINCT FROM $5 AND high IS NOT DISTINCT FROM $6 AND since IS NOT DISTINCT FROM $7
    ORDER BY id DESC LIMIT 1"""
WITH_STATUS = f"SELECT {COLUMNS} FROM replays WHERE status = ANY($1) ORDER BY id"
POISON = "SELECT position, topic, error, part, ids FROM replay_poison WHERE replay_id = $1 ORDER BY position"
KEEP_POISON = """
    INSERT INTO replay_poison (replay_id, position, topic, error, part, ids) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING"""
SET_STATUS = """
    UPDATE replays SET status = $2, error = $3,
        finished_at = CASE WHEN $2 = ANY($4) THEN NULL ELSE clock_timestamp() END
    WHERE id = $1"""
SET_POSITION = "UPDATE replays SET position = $2 WHERE id = $1"
SET_REPORT = "UPDATE replays SET report = $2 WHERE id = $1"
ASK_TO_END = "UPDATE replays SET is_to_end = true WHERE id = $1"


LATELY = 10.0
# Events a second over the last ranges: what a replay did before it was interrupted says nothing about now.
RATE = """
    SELECT sum(events) / greatest(extract(epoch FROM clock_timestamp() - min(built_at)), 1)::float
    FROM replay_ranges WHERE replay_id = $1 AND built_at > clock_timestamp() - make_interval(secs => $2)"""


class ReplayNotFoundError(Exception):
    """There is no replay of this id."""


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`customers` is a range of ids, `since` a position: only customers with events from there on. None means all.

    Then `projections` are customers' own.
    """

    projections: tuple[str, ...]
    swap: Swap = "always"
    customers: Range | None = None
    since: int | None = None
    started_by: str = ""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """`done` of `total` events are folded. `position` is that of the rebuilt rows; once they are live, of the swap."""

    id: int
    projections: list[str]
    low: int | None
    high: int | None
    since: int | None
    swap: Swap
    until: int
    position: int
    total: int
    done: int
    status: Status
    is_to_end: bool
    report: dict[str, Any] | None
    error: str | None
    started_by: str
    started_at: datetime
    finished_at: datetime | None

    @property
    def schema(self) -> str:
        return f"replay_{self.id}"

    @property
    def former(self) -> str:
        return f"former_{self.id}"

    @property
    def is_whole(self) -> bool:
        """Whether it rebuilds all rows, so that tables are swapped and not rows."""
        return self.low is None and self.since is None

    @property
    def is_of_figures(self) -> bool:
        """Whether it rebuilds figures alone, which takes less than all rows do."""
        return self.wanted == [FIGURES]

    @property
    def wanted(self) -> list[Projection[Any]]:
        return [projection for projection in PROJECTIONS if projection.name in self.projections]

    @property
    def parts(self) -> list[Part]:
        return [part for part in get_args(Part) if any(projection.part == part for projection in self.wanted)]


def shape() -> str:
    """A text that changes with the tables and with the code that fills them."""
    return hashlib.sha256("\n".join(fingerprint(projection) for projection in PROJECTIONS).encode()).hexdigest()


async def start(connection: Connection, asked: ReplayRequest) -> int:
    """Register a replay, with the ranges that it is to fold; its id."""
    low, high = (asked.customers.low, asked.customers.high) if asked.customers else (None, None)
    async with connection.transaction():
        id_: int = await connection.fetchval(
            INSERT, list(asked.projections), low, high, asked.since, asked.swap, shape(), asked.started_by
        )
        replay = await find(connection, id_)
        ranges = [each async for each in _ranges(connection, replay)]
        await connection.executemany(INSERT_RANGE, [(id_, *each) for each in ranges])
        await connection.execute(COUNT_ALL if replay.is_whole else COUNT_SOME, id_)
    return id_


async def _ranges(connection: Connection, replay: Replay) -> AsyncIterator[Range]:
    if replay.since is not None:
        for (id_,) in await connection.fetch(TOUCHED, replay.since):
            if (replay.low or 0) <= id_ <= (replay.high or id_):
                yield Range("customer", id_, id_)
        return
    for part in replay.parts:
        whole = Range(part) if replay.low is None else Range(part, replay.low, replay.high or replay.low)
        async for each in split(connection, whole):
            yield each


def live_ids(replay: Replay, projection: Projection[Any], schema: str) -> str:
    """SQL: the ids of live rows that those in a schema take the place of."""
    names = {"name": projection.name, "owner": projection.owner, "part": projection.part}
    return LIVE_IDS.format(replay=replay.id, schema=schema, **names)


async def find(on: Executor, id_: int) -> Replay:
    """Raises ReplayNotFoundError."""
    row = await on.fetchrow(FIND, id_)
    if row is None:
        raise ReplayNotFoundError(id_)
    return _replay(row)


async def newest(on: Executor, limit: int) -> list[Replay]:
    """Replays, newest first."""
    return [_replay(row) for row in await on.fetch(LIST, limit)]


async def interrupted(on: Executor, asked: ReplayRequest) -> int | None:
    """The replay to resume, of those that were interrupted. The caller holds the lock, so none is running."""
    low, high = (asked.customers.low, asked.customers.high) if asked.customers else (None, None)
    same = (list(asked.projections), asked.swap, low, high, asked.since)
    id_: int | None = await on.fetchval(SAME, BUILDING, shape(), *same)
    return id_


async def unfinished(on: Executor) -> list[Replay]:
    """Those that run, or were interrupted."""
    return await with_status(on, *BUILDING, *EXCHANGING)


async def with_status(on: Executor, *any_of: Status) -> list[Replay]:
    """Oldest first."""
    return [_replay(row) for row in await on.fetch(WITH_STATUS, any_of)]


async def set_status(on: Executor, id_: int, status: Status, error: str | None = None) -> None:
    await on.execute(SET_STATUS, id_, status, error, (*BUILDING, *EXCHANGING))


async def keep_report(on: Executor, id_: int, report: Any) -> None:
    await on.execute(SET_REPORT, id_, encode_numbers(report))


async def ask_to_end(on: Executor, id_: int) -> None:
    await on.execute(ASK_TO_END, id_)


async def poison_of(on: Executor, id_: int) -> list[Poison]:
    return [msgspec.convert(dict(row), Poison) for row in await on.fetch(POISON, id_)]


async def keep_poison(on: Connection, id_: int, found: Iterable[Poison]) -> None:
    await on.executemany(KEEP_POISON, [(id_, *msgspec.structs.astuple(each)) for each in found])


async def not_rebuilt(on: Executor, id_: int) -> dict[Part, list[int]]:
    """Ids whose rows can't be rebuilt, because of poison."""
    ids: dict[Part, set[int]] = {}
    for poison in await poison_of(on, id_):
        ids.setdefault(poison.part, set()).update(poison.ids)
    return {part: sorted(of_part) for part, of_part in ids.items()}


def _replay(row: asyncpg.Record) -> Replay:
    values = dict(row)
    values["report"] = values["report"] and msgspec.json.decode(values["report"])
    return msgspec.convert(values, Replay)


async def rate(on: Executor, id_: int) -> float | None:
    """Events a second, recently; None if nothing is being folded."""
    events: float | None = await on.fetchval(RATE, id_, LATELY)
    return events
