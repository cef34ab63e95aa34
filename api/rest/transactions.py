"""Payments and refunds: what moved money is recorded once, of one order, whoever sends it how often."""

from collections.abc import Awaitable, Callable

from api.http.refusals import OtherTransaction
from domain.order import ORDER, RecordPayment, RecordRefund, move_of
from domain.refusals import TransactionExists
from domain.transaction import TRANSACTION, Move, transaction_claim
from eventstore.store import Unit

TRANSACTIONS = frozenset({TRANSACTION})  # of which kind the claims are that are looked at, when they are taken


def recording(order_id: int, command: RecordPayment | RecordRefund) -> Callable[[Unit], Awaitable[int]]:
    """The work. Done again, because another order has taken the id, it says which: to look at once would cost every
    payment a round trip. Raises OtherTransaction.
    """
    is_again = False

    async def work(unit: Unit) -> int:
        nonlocal is_again
        if is_again:
            await _require_free(unit, order_id, command)
        is_again = True
        try:
            await unit.decide(ORDER, order_id, command)
        except TransactionExists as refusal:
            id_, recorded, sent = refusal.args
            raise OtherTransaction(id_, _told(order_id, recorded), _told(order_id, sent)) from refusal
        return order_id

    return work


async def _require_free(unit: Unit, order_id: int, command: RecordPayment | RecordRefund) -> None:
    id_, claim = command.transaction_id, transaction_claim(command.transaction_id)
    holder = (await unit.holders([claim])).get(claim)
    if holder is None or holder.id == order_id:
        return
    other = await unit.load(ORDER, holder.id)
    if other is not None and id_ in other.moves:
        raise OtherTransaction(id_, _told(holder.id, other.moves[id_][0]), _told(order_id, move_of(command)))


def _told(order_id: int, move: Move) -> dict[str, int | str]:
    return {"order_id": order_id, "type": move.kind, "amount": move.amount}
