"""A replay as clients and the command line see it."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from api.presentation.values import Id, Moment
from projections.replay.registry import Replay, Status
from projections.tables.projection import Part, utc
from projections.tables.swap import Swap
from service.replays import ReplayState
from service.values import shown


class ReplayedCustomers(Struct):
    """Customers by id."""

    first: Id
    last: Id


class ReplayedEvents(Struct):
    done: Annotated[int, Meta(ge=0, examples=[93229])]
    total: Annotated[int, Meta(ge=0, examples=[93229])]


class DifferingRow(Struct):
    """`columns` have the stored and the rebuilt value, as a list; null, if it could name a person."""

    id: Id
    problem: Literal["missing", "surplus", "differs"]
    columns: Annotated[dict[str, Any], Meta(examples=[{"ltv": [7, 1000]}])]


class DifferingTable(Struct):
    """Rows that only the events give, that only the live table has, and that differ, in all and by column."""

    rows: Annotated[int, Meta(ge=0, examples=[2357])]
    missing: Annotated[int, Meta(ge=0, examples=[0])]
    surplus: Annotated[int, Meta(ge=0, examples=[0])]
    differing: Annotated[int, Meta(ge=0, examples=[1])]
    columns: Annotated[dict[str, int], Meta(examples=[{"ltv": 1}])]
    samples: list[DifferingRow]


class ShownPoison(Struct):
    """An event that can't be applied, and the ids whose rows are therefore left as they are."""

    position: Id
    topic: Annotated[str, Meta(examples=["customer-renamed#1"])]
    error: str
    part: Part
    ids: list[int]


class ShownReplay(Struct):
    """`position` is that of the rebuilt rows. `rate`, in events a second, and what is left are there while it folds."""

    id: Id
    status: Literal[Status, "interrupted"]
    projections: Annotated[list[str], Meta(examples=[["figures", "customers"]])]
    customers: ReplayedCustomers | None
    from_: int | None = field(name="from")
    swap: Swap
    position: Annotated[int, Meta(ge=0, examples=[93229])]
    events: ReplayedEvents
    rate: float | None
    seconds_left: float | None
    differences: dict[str, DifferingTable] | None
    poison: list[ShownPoison]
    not_rebuilt: Annotated[dict[Part, list[int]], Meta(examples=[{"customer": [7]}])]
    error: str | None
    started_by: Annotated[str, Meta(examples=["admin"])]
    started_at: Moment
    finished_at: Moment | None


class ReplaysListed(Struct):
    replays: list[ShownReplay]


def replay_view(state: ReplayState) -> ShownReplay:
    replay, rate = state.replay, state.rate
    return ShownReplay(
        id=replay.id,
        status="interrupted" if state.is_interrupted else replay.status,
        projections=replay.projections,
        customers=_customers(replay),
        from_=replay.since,
        swap=replay.swap,
        position=replay.position,
        events=ReplayedEvents(replay.done, replay.total),
        rate=rate and round(rate),
        seconds_left=round((replay.total - replay.done) / rate) if rate else None,
        differences=msgspec.convert(replay.report, dict[str, DifferingTable] | None),
        poison=[ShownPoison(it.position, it.topic, it.error, it.part, list(it.ids)) for it in state.poison],
        not_rebuilt=dict(state.not_rebuilt),
        error=replay.error,
        started_by=replay.started_by,
        started_at=str(utc(replay.started_at)),
        finished_at=shown(replay.finished_at and utc(replay.finished_at)),
    )


def _customers(replay: Replay) -> ReplayedCustomers | None:
    return None if replay.low is None or replay.high is None else ReplayedCustomers(replay.low, replay.high)
