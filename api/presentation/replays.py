"""A replay as clients and the command line see it."""

from datetime import datetime
from typing import Any

import msgspec

from eventstore.log.log import Executor
from projections.replay import registry
from projections.replay.registry import BUILDING, EXCHANGING, Replay
from projections.tables.projection import utc


async def replay_view(on: Executor, replay: Replay, *, runs: bool) -> dict[str, Any]:
    """`runs`: whether any replay does. One that was begun and is not done is `interrupted` when none does."""
    is_interrupted = replay.status in (*BUILDING, *EXCHANGING) and replay.status != "waiting" and not runs
    rate = await registry.rate(on, replay.id) if replay.status == "building" and not is_interrupted else None
    left = replay.total - replay.done
    return {
        "id": replay.id,
        "status": "interrupted" if is_interrupted else replay.status,
        "projections": replay.projections,
        "customers": None if replay.low is None else {"first": replay.low, "last": replay.high},
        "from": replay.since,
        "swap": replay.swap,
        "position": replay.position,
        "events": {"done": replay.done, "total": replay.total},
        "rate": rate and round(rate),
        "seconds_left": round(left / rate) if rate else None,
        "differences": replay.report,
        "poison": [msgspec.to_builtins(each) for each in await registry.poison_of(on, replay.id)],
        "not_rebuilt": await registry.not_rebuilt(on, replay.id),
        "error": replay.error,
        "started_by": replay.started_by,
        "started_at": _time(replay.started_at),
        "finished_at": replay.finished_at and _time(replay.finished_at),
    }


def _time(moment: datetime) -> str:
    return str(utc(moment))
