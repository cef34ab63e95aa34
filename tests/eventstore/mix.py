"""A process among several that all do everything to the same customers: `python -m tests.eventstore.mix DSN SEED`.

Says in a line of JSON for each command what it was told: done, with how many events, or refused, or nothing.
"""

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from domain.address import AddressDetails, RemoveAddress, SetPrimaryAddress
from domain.customer import (
    CUSTOMER,
    ChangeCustomer,
    CustomerProfile,
    DetachUser,
)
from domain.label import LABEL, CreateLabel, DeleteLabel, RenameLabel
from domain.order import ORDER, PlaceOrder, RecordPayment, RecordRefund
from domain.refusals import Refusal
from domain.user import USER, ChangeUserProfile
from eventstore.postgres.connection import Session
from eventstore.store import By, Store, Unit
from projections.database import open_store
from service import addresses, customers, orders, privacy, users
from service.customers import Registration
from tests.eventstore.acts import NOW, terms

COMMANDS = 400
AT_ONCE = 24
CUSTOMERS, ORDERS, USERS, LABELS = range(1, 9), range(1, 13), range(1, 5), range(1, 9)


class Matter(NamedTuple):
    """What commands are about: ids, ids of transactions, and words."""

    customers: Sequence[int]
    orders: Sequence[int]
    users: Sequence[int]
    labels: Sequence[int]
    money: Sequence[str]
    words: Sequence[str]


MATTER = Matter(CUSTOMERS, ORDERS, USERS, LABELS, [f"t{number}" for number in range(60)], "abcdefgh")


class Told(msgspec.Struct):
    request_id: str
    outcome: str
    events: int = 0


class Failed(Exception):
    """On purpose, when it is all but written."""


class Fate:
    """What else happens to a command, one in five times: its check or its answer fails, in Python or in SQL."""

    def __init__(self, number: float) -> None:
        self._number = number

    async def check(self, connection: Session) -> None:
        await self._fail(connection, 0)

    async def show(self, connection: Session, _result: None) -> None:
        await self._fail(connection, 0.1)

    async def _fail(self, connection: Session, where: float) -> None:
        if where < self._number < where + 0.05:
            raise Failed
        if where + 0.05 < self._number < where + 0.1:
            await connection.execute("SELECT 1 / (1 - 1)")


class Mix:
    def __init__(self, store: Store, seed: int) -> None:
        self.told: list[Told] = []
        self._store = store
        self._seed = seed
        self._chance = random.Random(seed)

    async def go_on(self) -> None:
        while len(self.told) < COMMANDS:
            told = Told(f"{self._seed}-{len(self.told)}", "nothing")
            self.told.append(told)
            await carry_out(self._store, told, self._chance, MATTER, NOW)


async def carry_out(store: Store, told: Told, chance: random.Random, matter: Matter, at: datetime) -> None:
    """One command, some of which fail on purpose or are cancelled. Raises what else befalls it."""
    number, acts = chance.random(), [_act(chance, matter) for _ in range(chance.choice((1, 1, 1, 2)))]

    async def work(unit: Unit) -> None:
        for act in acts:
            await act(unit)
        told.events = len(unit.events)

    fate = Fate(number)
    by = By(actor="mix", at=at, request_id=told.request_id)
    task = asyncio.ensure_future(store.answer(by, work, fate.show, check=fate.check))
    if number > 0.9:
        await asyncio.wait({task}, timeout=(number - 0.9) / 10)
        task.cancel()
    with suppress(asyncio.CancelledError):
        try:
            await task
        except (Refusal, Failed, asyncpg.DivisionByZeroError):
            told.outcome = "refused"
        else:
            told.outcome = "done"


def _act(chance: random.Random, matter: Matter) -> Callable[[Unit], Awaitable[object]]:
    customer, other = chance.choice(matter.customers), chance.choice(matter.customers)
    order, user, label = chance.choice(matter.orders), chance.choice(matter.users), chance.choice(matter.labels)
    money, word = chance.choice(matter.money), chance.choice(matter.words)
    acts: list[tuple[Any, int, Any]] = [
        (CUSTOMER, customer, ChangeCustomer(email=f"{word}@example.com")),
        (CUSTOMER, customer, ChangeCustomer(first_name=word, notes=money)),
        (CUSTOMER, customer, DetachUser()),
        (CUSTOMER, customer, SetPrimaryAddress(address_id=other, type="billing")),
        (CUSTOMER, customer, RemoveAddress(address_id=other)),
        (ORDER, order, RecordPayment(amount=100, transaction_id=money)),
        (ORDER, order, RecordPayment(amount=100, transaction_id=money)),
        (ORDER, order, RecordRefund(amount=150, transaction_id=money)),
        (USER, user, ChangeUserProfile(display_name=word)),
        (USER, user, ChangeUserProfile(user_login=word)),
        (LABEL, label, CreateLabel(value=word)),
        (LABEL, label, RenameLabel(value=word)),
        (LABEL, label, DeleteLabel()),
    ]
    others = (
        lambda unit: users.attach(unit, customer, user),
        lambda unit: addresses.add(unit, customer, "billing", AddressDetails(name="A")),
        lambda unit: orders.place(unit, PlaceOrder(terms=terms(customer, 100))),
        lambda unit: orders.transfer(unit, order, customer),
        lambda unit: _replace(unit, customer, word) if chance.random() < 0.2 else users.attach(unit, customer, user),
    )
    if chance.random() < 0.3:
        return chance.choice(others)
    decider, id_, command = chance.choice(acts)
    return lambda unit: unit.decide(decider, id_, command)


async def _replace(unit: Unit, customer_id: int, word: str) -> None:
    """One is erased, another comes with what it had."""
    await privacy.erase(unit, [customer_id], "")
    profile = CustomerProfile(email=f"{word}@example.com", first_name="New")
    await customers.register(unit, Registration(profile=profile), _nobody)


async def _nobody(_email: str) -> None:
    """No user is free."""


async def run(dsn: str, seed: int) -> list[Told]:
    async with open_store(dsn, connections=8) as store:
        mix = Mix(store, seed)
        await asyncio.gather(*(mix.go_on() for _ in range(AT_ONCE)))
    return mix.told


def main() -> None:
    told = asyncio.run(run(sys.argv[1], int(sys.argv[2])))
    sys.stdout.buffer.write(msgspec.json.encode(told))


if __name__ == "__main__":
    main()
