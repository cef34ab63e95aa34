"""Figures explained, and under another rule, as clients and the command line see them."""

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from api.presentation.values import Cents, Id, Rate, StoreCents
from projections.checks.explain import ExplainedOrder, Explanation
from projections.checks.what_if import Movement, Mover, WhatIf
from service.values import shown


class ShownRule(Struct):
    """The rule by which orders count, and for how much."""

    name: Annotated[str, Meta(examples=["net-of-refunds"])]
    version: Annotated[int, Meta(ge=1, examples=[1])]


class MovedAmount(Struct):
    """Cents of the order's currency that an event moved: paid above 0, refunded below."""

    position: Id
    type: Annotated[str, Meta(examples=["payment-recorded"])]
    amount: Cents
    transaction_id: str | None


class ShownRounding(Struct):
    """`unrounded` is what the order gives exactly, in cents of the store's currency."""

    rule: Annotated[str, Meta(examples=["half up to the smallest unit, each order by itself"])]
    unrounded: Annotated[float, Meta(examples=[5012.5])]


class ShownExplainedOrder(Struct):
    """`contribution` is in cents of the store's currency, all else in `currency`. `amounts` add up to paid less
    refunded. `rounding` is null where the rate is 1, or the order does not count.
    """

    order_id: Id
    counted: Annotated[bool, Meta(examples=[True])]
    why: Annotated[str, Meta(examples=["Counts: its payment is paid."])]
    currency: Annotated[str, Meta(examples=["USD"])]
    total_paid: Cents
    total_refund: Annotated[Cents, Meta(examples=[0])]
    rate: Rate
    contribution: StoreCents
    rounding: ShownRounding | None
    amounts: list[MovedAmount]
    positions: list[Id]


class Explained(Struct):
    """The contributions add up to `ltv`; `aov` is that by `purchase_count`."""

    ltv: StoreCents
    aov: Annotated[float, Meta(description="Cents of the store's currency", examples=[5000])]
    purchase_count: Annotated[int, Meta(ge=0, examples=[1])]
    rule: ShownRule
    orders: list[ShownExplainedOrder]


def explained(explanation: Explanation) -> Explained:
    """Amounts as numbers, without a fraction where they are whole."""
    return Explained(
        ltv=explanation.ltv,
        aov=shown(explanation.aov),
        purchase_count=explanation.purchase_count,
        rule=ShownRule(**asdict(explanation.rule)),
        orders=list(map(_order, explanation.orders)),
    )


def _order(order: ExplainedOrder) -> ShownExplainedOrder:
    rounding = order.rounding and ShownRounding(order.rounding.rule, shown(order.rounding.unrounded))
    amounts = [MovedAmount(**asdict(amount)) for amount in order.amounts]
    return ShownExplainedOrder(**asdict(order) | {"rate": shown(order.rate), "rounding": rounding, "amounts": amounts})


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
