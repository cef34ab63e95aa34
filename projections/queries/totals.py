"""How many rows a list has in all: counted once, and then only where something has changed since."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from math import inf
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import asyncpg

from domain.customer import CustomerErased
from domain.label import LabelCreated, LabelDeleted
from eventstore.postgres.connection import Executor
from eventstore.postgres.sql import stored_as
from projections.queries.language.sql import Args, Statement

# Read models change in the transactions of events, or when a replay has swapped them: these two name their state.
STATE = """(SELECT max(notification_id) FROM stored_events) AS position,
    (SELECT max(built_at) FROM read_models) AS built_at"""

BITS = 12  # of an id within a block: the rows of 4,096 customers are counted together
FEW_EVENTS = 10_000
# Each of these may change which rows of any block a condition finds: it may ask for labels that exist, and an erasure
# takes what the customer said from orders that are others' now.
FAR_REACHING = stored_as(LabelCreated, LabelDeleted, CustomerErased)
EVERYWHERE = -1  # stands for all blocks


class State(NamedTuple):
    """The state of the read models: the position of their last event, and when a replay last swapped one."""

    position: int | None
    built_at: datetime | None

    def is_soon_after(self, earlier: "State") -> bool:
        """Whether few enough events lie between two states to read them all, and the tables are the same."""
        if self.position is None or earlier.position is None or self.built_at != earlier.built_at:
            return False
        return 0 < self.position - earlier.position <= FEW_EVENTS


def state_of(row: Any) -> State:
    return State(row["position"], row["built_at"])


class Counting(NamedTuple):
    """What is counted; `owner` is the column that says whose a row is."""

    tables: str
    where: str
    args: list[object]
    owner: str

    def all_blocks(self) -> Statement:
        sql = f"""
            SELECT {self.owner} >> {BITS} AS block, count(*) AS rows, {STATE}
            FROM {self.tables} WHERE {self.where} GROUP BY 1"""
        return Statement(sql, self.args)

    def changed_blocks(self, after: int) -> Statement:
        """Blocks with events after a position."""
        args = Args(self.args)
        changed = f"""
            SELECT DISTINCT unnest(ARRAY[customer_id >> {BITS}, former_customer_id >> {BITS},
                CASE WHEN topic IN {FAR_REACHING} THEN {EVERYWHERE} END]) AS block
            FROM stored_events WHERE notification_id > {args.bind(after, "bigint")}"""
        sql = f"""
            SELECT c.block, {STATE}, (
                SELECT count(*) FROM {self.tables}
                WHERE ({self.where}) AND {self.owner} >= c.block << {BITS} AND {self.owner} < (c.block + 1) << {BITS}
            ) AS rows FROM ({changed}) AS c WHERE c.block IS NOT NULL"""
        return Statement(sql, args.values)


class Counted(NamedTuple):
    """The rows in each block, in a state that was looked at since a time of the event loop's."""

    state: State
    blocks: Mapping[int, int]
    total: int
    since: float


class Turn:
    """Who counts the same, one after the other. `failed` is when a count began that took too long."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.failed = -inf


class Totals:
    """Counts of the last lists. Of those who want the same at once, one counts, and the others wait for it."""

    def __init__(self, size: int = 1000) -> None:
        self._size = size
        self._counted: OrderedDict[str, Counted] = OrderedDict()
        self._turns: WeakValueDictionary[str, Turn] = WeakValueDictionary()

    async def total(self, on: Executor, counting: Counting, state: State | None, began: float) -> int:
        """`state` is that in which the list's page was read, if that has rows, and `began` the event loop's time before
        that. The total is of that state, or of a later one. Raises QueryCanceledError, also where another's count did.
        """
        key = repr(counting)
        turn = self._turns.setdefault(key, Turn())
        async with turn.lock:
            if turn.failed >= began:
                raise asyncpg.QueryCanceledError("it was counted a moment ago, and took too long")
            now = asyncio.get_running_loop().time()
            try:
                return await self._total(on, counting, key, state, began)
            except asyncpg.QueryCanceledError:
                turn.failed = now
                raise

    async def _total(self, on: Executor, counting: Counting, key: str, state: State | None, began: float) -> int:
        last, counted = self._counted.get(key), None
        if last is not None and (last.state == state or last.since >= began):
            return last.total
        if last is not None and state is not None and state.is_soon_after(last.state):
            counted = await _count_changed(on, counting, last)
        counted = counted or await _count_all(on, counting)
        if counted is None:
            return 0
        self._counted[key] = counted
        self._counted.move_to_end(key)
        if len(self._counted) > self._size:
            self._counted.popitem(last=False)
        return counted.total


async def _count_all(on: Executor, counting: Counting) -> Counted | None:
    """None when there is no row."""
    since = asyncio.get_running_loop().time()
    sql, args = counting.all_blocks()
    rows = await on.fetch(sql, *args)
    return _counted(state_of(rows[0]), {row["block"]: row["rows"] for row in rows}, since) if rows else None


async def _count_changed(on: Executor, counting: Counting, last: Counted) -> Counted | None:
    """None when all has to be counted."""
    since = asyncio.get_running_loop().time()
    sql, args = counting.changed_blocks(last.state.position or 0)
    rows = await on.fetch(sql, *args)
    changed = {row["block"]: row["rows"] for row in rows}
    if EVERYWHERE in changed or any(row["built_at"] != last.state.built_at for row in rows):
        return None
    return _counted(state_of(rows[0]) if rows else last.state, {**last.blocks, **changed}, since)


def _counted(state: State, blocks: Mapping[int, int], since: float) -> Counted:
    return Counted(state, blocks, sum(blocks.values()), since)
