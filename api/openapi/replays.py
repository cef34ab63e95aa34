"""What is answered of replays, while they go on and afterwards."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from api.openapi.shapes import Id, Moment


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


class Poison(Struct):
    """An event that can't be applied, and the ids whose rows are therefore left as they are."""

    position: Id
    topic: Annotated[str, Meta(examples=["customer-renamed#1"])]
    error: str
    part: Literal["customer", "user", "label"]
    ids: list[int]


class Replay(Struct):
    """`position` is that of the rebuilt rows. `rate`, in events a second, and what is left are there while it folds."""

    id: Id
    status: Literal[
        "waiting", "building", "comparing", "ready", "swapping", "swapped", "rolling_back", "rolled_back", "cancelled",
        "failed", "interrupted",
    ]  # fmt: skip
    projections: Annotated[list[str], Meta(examples=[["figures", "customers"]])]
    customers: ReplayedCustomers | None
    from_: int | None = field(name="from")
    swap: Literal["always", "equal", "never"]
    position: Annotated[int, Meta(ge=0, examples=[93229])]
    events: ReplayedEvents
    rate: float | None
    seconds_left: float | None
    differences: dict[str, DifferingTable] | None
    poison: list[Poison]
    not_rebuilt: Annotated[dict[str, list[int]], Meta(examples=[{"customer": [7]}])]
    error: str | None
    started_by: Annotated[str, Meta(examples=["admin"])]
    started_at: Moment
    finished_at: Moment | None


class ReplaysListed(Struct):
    replays: list[Replay]


class OneReplay(Struct):
    replay: Replay


class ReplayTold(Struct):
    message: str
    data: Replay


class Mover(Struct):
    """Averages have two decimals."""

    customer_id: Id
    before: Annotated[float, Meta(examples=[1880])]
    after: Annotated[float, Meta(examples=[2000])]
    by: Annotated[float, Meta(examples=[120])]


class Moved(Struct):
    """A figure of all customers together, how many go which way, and who goes furthest."""

    before: Annotated[float, Meta(examples=[24440])]
    after: Annotated[float, Meta(examples=[25220])]
    up: int
    down: int
    unchanged: int
    furthest_up: list[Mover]
    furthest_down: list[Mover]


class WhatIf(Struct):
    """At a position of the log. Of who is `untold`, an event can't be applied; they are in no other number."""

    rule: Annotated[str, Meta(examples=["gross-of-refunds"])]
    instead_of: Annotated[str, Meta(examples=["net-of-refunds"])]
    position: int
    customers: int
    changed: int
    untold: list[int]
    figures: dict[str, Moved]


class WhatIfTold(Struct):
    message: str
    data: WhatIf
