"""The orders of a customer, and one of them with what can be done with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from api.console.filters import money
from api.console.personal import Veil
from api.presentation.money import units
from api.presentation.values import Row
from projections.models.order_rows import ItemRow, TransactionRow

PER_PAGE = 50


class ListedOrder(NamedTuple):
    id: int
    placed_at: datetime
    status: str
    payment_status: str
    total: str
    paid: str
    refunded: str


class OrderMove(NamedTuple):
    kind: str
    amount: str
    transaction_id: str
    status: str
    at: datetime


class OpenOrder(NamedTuple):
    """`unpaid` and `refundable` are what forms suggest, in units of `currency`."""

    line: ListedOrder
    currency: str
    items: list[str]
    moves: list[OrderMove]
    note: str
    unpaid: str
    refundable: str


class OrdersTab(NamedTuple):
    """Newest first; `older` is how many to skip for the next ones."""

    lines: list[ListedOrder]
    total: int
    older: int | None
    open: OpenOrder | None


def orders_tab(rows: Sequence[Row], veil: Veil, *, order_id: int | None, skip: int) -> OrdersTab:
    newest = sorted(rows, key=lambda row: (row["created_at"], row["id"]), reverse=True)
    opened = next((row for row in rows if row["id"] == order_id), None)
    return OrdersTab(
        lines=[_line(row) for row in newest[skip : skip + PER_PAGE]],
        total=len(newest),
        older=skip + PER_PAGE if len(newest) > skip + PER_PAGE else None,
        open=None if opened is None else _open(opened, veil),
    )


def _line(row: Row) -> ListedOrder:
    code = row["currency"]
    return ListedOrder(
        id=row["id"],
        placed_at=datetime.fromisoformat(row["created_at"]),
        status=row["status"].replace("-", " "),
        payment_status=row["payment_status"].replace("_", " "),
        total=money(row["total_amount"], code),
        paid=money(row["total_paid"], code),
        refunded=money(-row["total_refund"], code) if row["total_refund"] else "",
    )


def _open(row: Row, veil: Veil) -> OpenOrder:
    code, paid = row["currency"], row["total_paid"]
    return OpenOrder(
        line=_line(row),
        currency=code,
        items=[_item(item, code) for item in _read(row, "items", ItemRow)],
        moves=[_move(move) for move in _read(row, "transactions", TransactionRow)],
        note=veil.text(row["note"]),
        unpaid=units(row["total_amount"] - paid, code) if paid < row["total_amount"] else "",
        refundable=units(max(0, paid - row["total_refund"]), code),
    )


def _read(row: Row, name: str, type_: type[Any]) -> list[Any]:
    return msgspec.json.decode(row[name], type=list[type_])  # type: ignore[valid-type]


def _item(item: ItemRow, currency: str) -> str:
    title = ", ".join(filter(None, (item.post_title, item.title))) or f"item {item.id}"
    return f"{item.quantity} \N{MULTIPLICATION SIGN} {title}: {money(item.line_total, currency)}"


def _move(move: TransactionRow) -> OrderMove:
    amount = money(-move.total if move.transaction_type == "refund" else move.total, move.currency)
    at = datetime.fromisoformat(move.created_at)
    return OrderMove(move.transaction_type, amount, move.vendor_charge_id, move.status, at)
