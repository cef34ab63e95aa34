"""What an order says: its terms and items, what moved money, and what it holds about the person who placed it.

What is said in free text may be about the person. It is in `words`, apart from all else, so that it can be sealed and
forgotten: no rule depends on it.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from msgspec import field
from msgspec.structs import asdict, replace

from domain.address import AddressDetails
from domain.event import Claim, Value
from domain.value import ONE, UNPAID_STATUSES, PaymentStatus

OrderStatus: TypeAlias = Literal["on-hold", "processing", "completed", "canceled", "failed"]
OrderType: TypeAlias = Literal["payment", "subscription", "renewal"]
OrderMode: TypeAlias = Literal["live", "test"]
ORDER_STATUSES: tuple[OrderStatus, ...] = get_args(OrderStatus)
ORDER_TYPES: tuple[OrderType, ...] = get_args(OrderType)
ORDER_MODES: tuple[OrderMode, ...] = get_args(OrderMode)

TRANSACTION = "transaction"  # the kind of claim

# A transaction that came with its order in one of these has yet to move money, and may be recorded when it does.
UNMOVED = frozenset[str](UNPAID_STATUSES)


class Transaction(Value, frozen=True, kw_only=True):
    """Money that moved, or should have, before the order came here."""

    id: int
    transaction_type: str
    total: int
    vendor_charge_id: str
    status: str = "succeeded"
    payment_method: str = ""
    payment_mode: str = "live"
    uuid: str = ""
    created_at: datetime | None = None


class Item(Value, frozen=True, kw_only=True):
    """A line of an order; amounts in cents of the order's currency."""

    id: int
    object_id: int | None = None
    post_id: int | None = None
    fulfillment_type: str = ""
    payment_type: str = "onetime"
    cart_index: int = 0
    quantity: int = 1
    unit_price: int = 0
    cost: int = 0
    subtotal: int = 0
    tax_amount: int = 0
    shipping_charge: int = 0
    discount_total: int = 0
    line_total: int = 0
    refund_total: int = 0
    rate: Decimal = ONE
    fulfilled_quantity: int = 0


class ItemWords(Value, frozen=True, kw_only=True):
    title: str = ""
    post_title: str = ""
    other_info: dict[str, Any] = field(default_factory=dict)
    line_meta: dict[str, Any] = field(default_factory=dict)
    referrer: str | None = None


class Terms(Value, frozen=True, kw_only=True):
    """An order as it was placed; amounts in cents of `currency`, `rate` to the store's currency, if one was given.

    Totals and payment status that come with it are facts and stand as given. So do `type` and `mode` of an order that
    is imported: one that is placed here has an OrderType and an OrderMode.
    """

    customer_id: int
    uuid: str
    currency: str
    total_amount: int
    created_at: datetime
    updated_at: datetime | None = None
    total_paid: int = 0
    total_refund: int = 0
    payment_status: PaymentStatus = "pending"
    status: OrderStatus = "on-hold"
    rate: Decimal | None = None
    items: tuple[Item, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    invoice_no: str = ""
    receipt_number: str | None = None
    parent_id: int | None = None
    type: str = "payment"
    mode: str = "live"
    fulfillment_type: str = ""
    shipping_status: str = ""
    payment_method: str = ""
    subtotal: int = 0
    discount_tax: int = 0
    manual_discount_total: int = 0
    coupon_discount_total: int = 0
    shipping_tax: int = 0
    shipping_total: int = 0
    fee_total: int = 0
    tax_total: int = 0
    tax_behavior: int = 0
    completed_at: datetime | None = None
    refunded_at: datetime | None = None

    @property
    def applied_rate(self) -> Decimal:
        """1 where none was given."""
        return ONE if self.rate is None else self.rate


class OrderWords(Value, frozen=True, kw_only=True):
    """`items` go by the place of the item; there are none where no item says anything."""

    items: tuple[ItemWords, ...] = ()
    payment_method_title: str = ""
    config: dict[str, Any] = field(default_factory=dict)


class RefundWords(Value, frozen=True, kw_only=True):
    reason: str


SILENT, SILENT_ITEM = OrderWords(), ItemWords()


class OrderDetails(Value, frozen=True, kw_only=True):
    """What an order holds about the person who placed it, beside the words in its own events.

    None says nothing, or leaves what is known.
    """

    note: str | None = None
    ip_address: str | None = None
    billing_address: AddressDetails | None = None
    shipping_address: AddressDetails | None = None


class Move(NamedTuple):
    """Money that has moved, in cents of the order's currency."""

    kind: Literal["payment", "refund"]
    amount: int


def transaction_claim(transaction_id: str) -> Claim:
    """What moved money once is recorded once, whichever order it is said to be of."""
    return Claim(TRANSACTION, transaction_id)


def moves_of(transactions: Iterable[Transaction]) -> dict[str, tuple[Move, ...]]:
    """Moves by transaction id. Imported transactions may share an id, or have none."""
    moves: dict[str, tuple[Move, ...]] = {}
    for known in transactions:
        if known.status not in UNMOVED:
            move = Move("refund" if known.transaction_type == "refund" else "payment", known.total)
            moves[known.vendor_charge_id] = (*moves.get(known.vendor_charge_id, ()), move)
    return moves


def known_and(known: OrderDetails | None, news: OrderDetails) -> OrderDetails:
    """The details, with everything that the news say."""
    return replace(known, **{k: v for k, v in asdict(news).items() if v is not None}) if known else news
