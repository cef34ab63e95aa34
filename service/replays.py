"""Replays: start one, or run it here; look at it, swap it, roll it back, cancel it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from eventstore.store import Store
from projections.checks.verify import count_between
from projections.fold.fold import Poison
from projections.replay import engine, registry
from projections.replay.engine import Progress, ReplayRunningError
from projections.replay.registry import BUILDING, EXCHANGING, Replay, ReplayRequest
from projections.tables.projection import Part


class ReplayState(NamedTuple):
    """A replay and how far it is. `rate`, in events a second, is known while it folds. The rows of `not_rebuilt` ids
    are left alone, because an event of theirs, one of `poison`, can't be applied.
    """

    replay: Replay
    is_interrupted: bool
    rate: float | None
    poison: list[Poison]
    not_rebuilt: Mapping[Part, list[int]]


class Outstanding(NamedTuple):
    """Ids of replays that are not over, oldest first. A failed one is among them until there is another after it."""

    running: list[int]
    interrupted: list[int]
    ready: list[int]
    failed: list[int]


class Extent(NamedTuple):
    """What a replay of everything has to read, and whose rows it rebuilds."""

    events: int
    customers: int


async def extent(store: Store) -> Extent:
    return Extent(await store.log.head(store.pool), await count_between(store.pool))


async def start(store: Store, asked: ReplayRequest) -> ReplayState:
    """A new replay, which waits for another process to run it. Raises ReplayRunningError."""
    async with engine.alone(store.pool) as connection:
        if await registry.unfinished(connection):  # it is about to be run, or to be resumed
            raise ReplayRunningError
        id_ = await registry.start(connection, asked)
    return await find(store, id_)


async def rebuild(store: Store, asked: ReplayRequest, progress: Progress, *, dsn: str, workers: int) -> ReplayState:
    """Run a replay to its end, an interrupted one of the same kind if there is one. Raises as `engine.run`."""
    id_ = await engine.begin(store, asked)
    return await _state(store, await engine.run(store, id_, progress, dsn=dsn, workers=workers))


async def run(store: Store, id_: int | None = None) -> None:
    """Run a replay that was started, or resume an interrupted one; nothing where another process does it already."""
    with suppress(ReplayRunningError):
        await (engine.resume(store) if id_ is None else engine.run(store, id_))


async def is_any_unfinished(store: Store) -> bool:
    return bool(await registry.unfinished(store.pool))


async def outstanding(store: Store) -> Outstanding:
    on = store.pool
    last = await registry.newest(on, 1)
    begun = [replay.id for replay in await registry.unfinished(on) if replay.status != "waiting"]
    is_running = bool(begun) and await engine.is_running(on)
    return Outstanding(
        running=begun if is_running else [],
        interrupted=[] if is_running else begun,
        ready=[replay.id for replay in await registry.with_status(on, "ready")],
        failed=[replay.id for replay in last if replay.status == "failed"],
    )


async def find(store: Store, id_: int) -> ReplayState:
    """Raises ReplayNotFoundError."""
    return await _state(store, await registry.find(store.pool, id_))


async def newest(store: Store, limit: int) -> list[ReplayState]:
    return [await _state(store, replay) for replay in await registry.newest(store.pool, limit)]


async def swap(store: Store, id_: int) -> ReplayState:
    """Put the rebuilt rows in the place of the live ones. Raises ReplayNotFoundError, and as `engine.swap_ready`."""
    return await _state(store, await engine.swap_ready(store, id_))


async def roll_back(store: Store, id_: int) -> ReplayState:
    """Put the former rows back. Raises ReplayNotFoundError, and as `engine.roll_back_swapped`."""
    return await _state(store, await engine.roll_back_swapped(store, id_))


async def cancel(store: Store, id_: int) -> ReplayState:
    """End it, whichever process runs it. Raises ReplayNotFoundError, NotReadyError."""
    return await _state(store, await engine.cancel(store.pool, id_))


async def _state(store: Store, replay: Replay) -> ReplayState:
    on = store.pool
    is_begun = replay.status in (*BUILDING, *EXCHANGING) and replay.status != "waiting"
    is_interrupted = is_begun and not await engine.is_running(on)
    is_folding = replay.status == "building" and not is_interrupted
    return ReplayState(
        replay,
        is_interrupted,
        rate=await registry.rate(on, replay.id) if is_folding else None,
        poison=await registry.poison_of(on, replay.id),
        not_rebuilt=await registry.not_rebuilt(on, replay.id),
    )
