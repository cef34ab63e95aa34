"""Transactions of imported orders: facts stand as given, also where another order has had the id before."""

from collections.abc import Iterable, MutableMapping
from typing import TypeAlias

from msgspec.structs import replace

from domain.event import Claim, Command, Stream
from domain.order import PlaceOrder, transaction_ids
from domain.terms import transaction_claim
from eventstore.store import Unit

Holders: TypeAlias = MutableMapping[Claim, Stream]


async def holders_of_transactions(unit: Unit, commands: Iterable[Command]) -> Holders:
    """Which order has each of the ids, of those that any has."""
    claims = {transaction_claim(id_) for command in commands for id_ in _ids(command)}
    return await unit.holders(claims) if claims else {}


def as_given(command: Command, order: Stream, holders: Holders) -> tuple[Command, list[str]]:
    """The command, and what is to be said of it. The order is among the holders then."""
    shared = [id_ for id_ in sorted(_ids(command)) if holders.setdefault(transaction_claim(id_), order) != order]
    said = [
        f"Order {holders[transaction_claim(id_)].id} has its transaction {id_}, too: taken as given." for id_ in shared
    ]
    return (replace(command, shared=tuple(shared)), said) if shared else (command, said)


def _ids(command: Command) -> frozenset[str]:
    return transaction_ids(command.terms) if isinstance(command, PlaceOrder) else frozenset()
