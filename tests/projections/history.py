"""A history that somebody might have lived through: commands of every kind, at random, on a real store."""

import random
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from domain.address import AddressDetails, AddressType, ChangeAddress
from domain.customer import (
    CUSTOMER,
    ChangeCustomer,
    CustomerErased,
    CustomerProfile,
    RecordOrderDetails,
    RegisterCustomer,
)
from domain.order import (
    ORDER,
    PlaceOrder,
    RecordPayment,
    RecordRefund,
)
from domain.refusals import Refusal
from domain.terms import (
    ORDER_STATUSES,
    SILENT,
    Item,
    ItemWords,
    OrderDetails,
    OrderWords,
    Terms,
    Transaction,
)
from domain.user import USER, ChangeUserProfile, UserProfile
from domain.value import PaymentStatus, UnpaidStatus
from domain.webhook import (
    WEBHOOK,
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    PauseWebhook,
    ReplayWebhook,
    ResumeWebhook,
    RotateSecret,
    SigningKeys,
    TestWebhook,
    WebhookSettings,
)
from eventstore.store import By, Store, Unit
from service import addresses, customers, labels, orders, privacy, users
from service.customers import require_customer
from tests.eventstore.acts import NOW

TYPES: tuple[AddressType, ...] = ("billing", "shipping")
CUSTOMERS = 5  # few, so that much happens to each
ODD_RATE = Decimal("1.50")
KEYS = SigningKeys(symmetric=b"s", private=b"p", public=b"q")
RATES = (Decimal(1), Decimal(1), Decimal("1.0853"), Decimal("0.5"))
ON_A_WEBHOOK = (
    CreateWebhook(settings=WebhookSettings(url="https://a.example"), keys=KEYS, since=0, headers={"a": "b"}),
    ChangeWebhook(settings=WebhookSettings(url="https://b.example", types=("order-placed",), labels=(1, 2))),
    TestWebhook(),
    PauseWebhook(reason="failing"),
    ReplayWebhook(after=1, until=9),
    ResumeWebhook(),
    RotateSecret(keys=KEYS, former_until=NOW),
    DeleteWebhook(),
)


class History:
    """Who is there, and what may happen to them. Several may go on at once, if each has a name of its own."""

    def __init__(self, store: Store, seed: int, name: str = "") -> None:
        self.accepted = 0
        self.refused = 0
        self._store = store
        self._chance = random.Random(seed)
        self._name = name
        self._now = NOW
        self._customers: list[int] = []
        self._orders: list[int] = []
        self._labels: list[int] = []
        self._users: list[int] = []
        self._webhook = 0
        self._acts_on_webhooks = 0
        self._once_accepted: list[Callable[[], None]] = []

    async def live(self, acts: int) -> None:
        for _ in range(acts):
            await self.act()

    async def act(self) -> None:
        """One transaction, now and then of two commands."""
        self._now += timedelta(seconds=self._chance.randrange(100_000), microseconds=self._chance.randrange(1_000_000))
        try:
            await self._store.transact(By(actor="ann", at=self._now), self._work)
        except Refusal:
            self.refused += 1
        else:
            self.accepted += 1
            for learn in self._once_accepted:
                learn()

    async def _work(self, unit: Unit) -> None:
        self._once_accepted = []
        if len(self._customers) < CUSTOMERS:
            return await self._register(unit)
        acts: list[Callable[[Unit], Awaitable[None]]] = [
            self._change, self._change, self._relabel, self._attach, self._detach, self._add_address, self._add_address,
            self._change_address, self._change_address, self._set_primary, self._remove_address, self._place,
            self._place, self._place, self._pay, self._refund, self._refund, self._order_status, self._payment_status,
            self._payment_status, self._transfer, self._user, self._change_user, self._create_label, self._rename_label,
            self._act_on_webhook, self._act_on_webhook,
        ]  # fmt: skip
        rare = [self._erase, self._delete_order, self._delete_order, self._delete_user, self._delete_label]
        for _ in range(1 + (self._chance.random() < 0.2)):
            await self._chance.choice(rare if self._chance.random() < 0.06 else acts)(unit)
        return None

    def _word(self) -> str:
        return self._chance.choice(("Ada", "Zoë", "Łukasz", "O'Hara", "x" * 40, "%_\\", '{"a": 1}', "李雷"))

    def _id(self, ids: list[int]) -> int:
        return self._chance.choice(ids[-12:]) if ids else 0

    def _when(self) -> datetime:
        return NOW + timedelta(seconds=self._chance.randrange(-10_000_000, 10_000_000))

    async def _register(self, unit: Unit) -> None:
        id_ = await unit.new_id(CUSTOMER)
        profile = CustomerProfile(email=f"{self._name}{id_}@Example.com", first_name=self._word(), country="FR")
        await unit.decide(CUSTOMER, id_, RegisterCustomer(profile=profile, uuid=f"{id_:032x}"))
        self._once_accepted.append(lambda: self._customers.append(id_))

    async def _change(self, unit: Unit) -> None:
        id_ = self._id(self._customers)
        command = self._chance.choice(
            (
                ChangeCustomer(email=f"{self._name}{self._chance.randrange(40)}@example.com"),
                ChangeCustomer(first_name=self._word(), last_name=self._word()),
                ChangeCustomer(country="DE", state=None, city=self._word()),
                ChangeCustomer(notes=self._word(), status=self._chance.choice(("active", "inactive", "archived"))),
            )
        )
        await unit.decide(CUSTOMER, id_, command)

    async def _relabel(self, unit: Unit) -> None:
        wanted = frozenset(self._chance.sample(self._labels, min(2, len(self._labels))))
        await customers.set_labels(unit, self._id(self._customers), wanted)

    async def _attach(self, unit: Unit) -> None:
        await users.attach(unit, self._id(self._customers), self._id(self._users))

    async def _detach(self, unit: Unit) -> None:
        await users.detach(unit, self._id(self._customers))

    async def _erase(self, unit: Unit) -> None:
        id_ = self._id(self._customers)
        await privacy.erase(unit, [id_], "asked")
        *_, erased = [each.event for each in unit.events if isinstance(each.event, CustomerErased)]
        self._once_accepted.append(lambda: self._gone(id_, erased.users))

    def _gone(self, customer_id: int, users: Iterable[int]) -> None:
        self._customers.remove(customer_id)
        for user_id in set(users).intersection(self._users):
            self._users.remove(user_id)

    async def _add_address(self, unit: Unit) -> None:
        await addresses.add(
            unit,
            self._id(self._customers),
            self._chance.choice(TYPES),
            AddressDetails(name=self._word(), city=self._word()),
            is_primary=self._chance.random() < 0.3,
            order_id=self._id(self._orders) if self._chance.random() < 0.2 else None,
        )

    async def _an_address(self, unit: Unit) -> tuple[int, int, AddressType]:
        """Customer, address and its type."""
        customer_id = self._id(self._customers)
        addresses = (await require_customer(unit, customer_id)).addresses
        address_id = self._id(list(addresses))
        return customer_id, address_id, addresses[address_id].type if addresses else "billing"

    async def _change_address(self, unit: Unit) -> None:
        customer_id, address_id, _type = await self._an_address(unit)
        type_ = self._chance.choice((None, *TYPES))
        primary = self._chance.random() < 0.3
        command = ChangeAddress(address_id=address_id, type=type_, is_primary=primary, city=self._word())
        await addresses.change(unit, customer_id, command)

    async def _set_primary(self, unit: Unit) -> None:
        customer_id, address_id, type_ = await self._an_address(unit)
        await addresses.make_primary(unit, customer_id, address_id, type_)

    async def _remove_address(self, unit: Unit) -> None:
        customer_id, address_id, _type = await self._an_address(unit)
        await addresses.remove(unit, customer_id, address_id)

    async def _place(self, unit: Unit) -> None:
        customer_id, id_ = self._id(self._customers), await unit.new_id(ORDER)
        await require_customer(unit, customer_id)
        placed = PlaceOrder(terms=self._terms(customer_id, id_), words=self._words())
        await unit.decide(ORDER, id_, placed, at=self._when())
        said = RecordOrderDetails(order_id=id_, details=OrderDetails(note=self._word()))
        await unit.decide(CUSTOMER, customer_id, said)
        self._once_accepted.append(lambda: self._orders.append(id_))

    def _terms(self, customer_id: int, id_: int) -> Terms:
        total = self._chance.randrange(1, 100_000)
        moved: tuple[tuple[int, int, PaymentStatus], ...] = (
            (0, 0, "pending"),
            (0, 0, "pending"),
            (total, 0, "paid"),
            (total, total // 3, "partially_refunded"),
            (total, total, "refunded"),
        )
        paid, refunded, status = self._chance.choice(moved)
        return Terms(
            customer_id=customer_id,
            uuid="0" * 32,
            currency=self._chance.choice(("USD", "EUR")),
            total_amount=total,
            total_paid=paid,
            total_refund=refunded,
            payment_status=status,
            rate=self._chance.choice(RATES),
            created_at=self._when(),
            items=(Item(id=1, object_id=self._chance.randrange(9), rate=ODD_RATE), Item(id=2)),
            transactions=(Transaction(id=1, transaction_type="charge", total=paid, vendor_charge_id=f"given {id_}"),),
        )

    def _words(self) -> OrderWords:
        if self._chance.random() < 0.3:
            return SILENT
        items = (ItemWords(title=self._word()), ItemWords(line_meta={"engraved": self._word()}))
        return OrderWords(items=items, config={"gift": self._word()})

    async def _pay(self, unit: Unit) -> None:
        paid_at = self._chance.choice((None, self._when()))
        command = RecordPayment(amount=self._chance.randrange(1, 50_000), transaction_id=self._money(), paid_at=paid_at)
        await orders.recording(self._id(self._orders), command)(unit)

    async def _refund(self, unit: Unit) -> None:
        reason = self._chance.choice(("", self._word()))
        command = RecordRefund(amount=self._chance.randrange(1, 30_000), transaction_id=self._money(), reason=reason)
        await orders.recording(self._id(self._orders), command)(unit)

    def _money(self) -> str:
        return f"t{self._chance.randrange(1_000)}"

    async def _order_status(self, unit: Unit) -> None:
        status = self._chance.choice(ORDER_STATUSES[:4])
        await orders.change(unit, self._id(self._orders), status=status)

    async def _payment_status(self, unit: Unit) -> None:
        status: UnpaidStatus = self._chance.choice(("pending", "authorized", "failed"))
        await orders.change(unit, self._id(self._orders), payment_status=status)

    async def _transfer(self, unit: Unit) -> None:
        order_id = self._id(self._orders)
        await orders.transfer(unit, order_id, self._id(self._customers))
        await orders.change(unit, order_id, note=self._word())

    async def _delete_order(self, unit: Unit) -> None:
        id_ = self._id(self._orders)
        await orders.delete(unit, id_)
        self._once_accepted.append(lambda: self._orders.remove(id_))

    async def _user(self, unit: Unit) -> None:
        id_ = await unit.new_id(USER)
        profile = UserProfile(user_login=f"{self._name}{id_}", user_email=f"{self._name}u{id_}@example.com")
        await users.register(unit, id_, profile)
        self._once_accepted.append(lambda: self._users.append(id_))

    async def _change_user(self, unit: Unit) -> None:
        await unit.decide(USER, self._id(self._users), ChangeUserProfile(display_name=self._word()))

    async def _delete_user(self, unit: Unit) -> None:
        id_ = self._id(self._users)
        await users.delete(unit, id_)
        self._once_accepted.append(lambda: self._users.remove(id_))

    async def _create_label(self, unit: Unit) -> None:
        id_ = await labels.create(unit, f"{self._word()} {self._name}{self._chance.randrange(10_000)}")
        self._once_accepted.append(lambda: self._labels.append(id_))

    async def _rename_label(self, unit: Unit) -> None:
        value = f"{self._word()} {self._name}{self._chance.randrange(10)}"
        await labels.rename(unit, self._id(self._labels), value)

    async def _act_on_webhook(self, unit: Unit) -> None:
        """One act after the other, so that even a short history has them all."""
        command = ON_A_WEBHOOK[self._acts_on_webhooks % len(ON_A_WEBHOOK)]
        id_ = await unit.new_id(WEBHOOK) if isinstance(command, CreateWebhook) else self._webhook
        await unit.decide(WEBHOOK, id_, command)
        self._once_accepted.append(lambda: self._acted_on_webhook(id_))

    def _acted_on_webhook(self, id_: int) -> None:
        self._webhook, self._acts_on_webhooks = id_, self._acts_on_webhooks + 1

    async def _delete_label(self, unit: Unit) -> None:
        id_ = self._id(self._labels)
        await labels.delete(unit, id_)
        self._once_accepted.append(lambda: self._labels.remove(id_))
