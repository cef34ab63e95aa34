"""How a lifetime value is explained."""

from typing import Annotated

from msgspec import Meta, Struct

from api.openapi.shapes import Cents, Id, Rate, StoreCents


class Rule(Struct):
    """The rule by which orders count, and for how much."""

    name: Annotated[str, Meta(examples=["net-of-refunds"])]
    version: Annotated[int, Meta(ge=1, examples=[1])]


class MovedAmount(Struct):
    """Cents of the order's currency that an event moved: paid above 0, refunded below."""

    position: Id
    type: Annotated[str, Meta(examples=["payment-recorded"])]
    amount: Cents
    transaction_id: str | None


class Rounding(Struct):
    """`unrounded` is what the order gives exactly, in cents of the store's currency."""

    rule: Annotated[str, Meta(examples=["half up to the smallest unit, each order by itself"])]
    unrounded: Annotated[float, Meta(examples=[5012.5])]


class ExplainedOrder(Struct):
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
    rounding: Rounding | None
    amounts: list[MovedAmount]
    positions: list[Id]


class Explained(Struct):
    """The contributions add up to `ltv`; `aov` is that by `purchase_count`."""

    ltv: StoreCents
    aov: Annotated[float, Meta(description="Cents of the store's currency", examples=[5000])]
    purchase_count: Annotated[int, Meta(ge=0, examples=[1])]
    rule: Rule
    orders: list[ExplainedOrder]
