"""Replays that tests ask for."""

from typing import Any

from eventstore.store import Store
from projections.replay import engine
from projections.replay.registry import Replay, ReplayRequest
from projections.tables.swap import Swap
from tests.eventstore.acts import place, register

NAMES = ("figures", "customers", "orders", "addresses", "users", "labels", "webhooks")
OF_CUSTOMERS = NAMES[:4]
SCHEMAS = r"SELECT array_agg(nspname::text) FROM pg_namespace WHERE nspname ~ '^(replay|former)_'"


def asked(swap: Swap = "never", names: tuple[str, ...] = NAMES, **others: Any) -> ReplayRequest:
    return ReplayRequest(projections=names, swap=swap, started_by="test", **others)


async def made(store: Store, wanted: ReplayRequest) -> Replay:
    return await engine.run(store, await engine.begin(store, wanted))


async def shop(store: Store) -> list[int]:
    """Three customers with an order each; their ids."""
    ids = [await register(store, f"{number}@example.com") for number in range(3)]
    for id_ in ids:
        await place(store, id_)
    return ids
