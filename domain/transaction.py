"""Transactions: what moved money, under an id that another system gave it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias, get_args

from domain.event import Claim, Value

UnpaidStatus: TypeAlias = Literal["pending", "authorized", "failed"]
PaymentStatus: TypeAlias = Literal[UnpaidStatus, "paid", "partially_paid", "refunded", "partially_refunded"]
UNPAID_STATUSES: tuple[UnpaidStatus, ...] = get_args(UnpaidStatus)
PAYMENT_STATUSES: tuple[PaymentStatus, ...] = get_args(PaymentStatus)

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
