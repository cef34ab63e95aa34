"""Figures under another rule, as clients and the command line see them."""

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from api.presentation.values import Id
from projections.checks.what_if import Movement, Mover, WhatIf
from service.values import shown


class ShownMover(Struct):
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
    furthest_up: list[ShownMover]
    furthest_down: list[ShownMover]


class ShownWhatIf(Struct):
    """At a position of the log. Of who is `untold`, an event can't be applied; they are in no other number."""

    rule: Annotated[str, Meta(examples=["gross-of-refunds"])]
    instead_of: Annotated[str, Meta(examples=["net-of-refunds"])]
    position: int
    customers: int
    changed: int
    untold: list[int]
    figures: dict[str, Moved]


def what_if_view(report: WhatIf) -> ShownWhatIf:
    return ShownWhatIf(**asdict(report) | {"figures": {name: _moved(it) for name, it in report.figures.items()}})


def _moved(movement: Movement) -> Moved:
    return Moved(
        before=shown(movement.before),
        after=shown(movement.after),
        up=movement.up,
        down=movement.down,
        unchanged=movement.unchanged,
        furthest_up=list(map(_mover, movement.furthest_up)),
        furthest_down=list(map(_mover, movement.furthest_down)),
    )


def _mover(mover: Mover) -> ShownMover:
    return ShownMover(mover.customer_id, shown(mover.before), shown(mover.after), shown(mover.by))
