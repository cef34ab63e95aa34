"""Every event has a line: an icon, a title, its amount, and chips with what it changed."""

from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial

import pytest

from api.console.filters import MINUS
from api.console.timeline import HEADS, Chip, event_line, every_field, value_text
from api.presentation.story.sentences import Names, sentence
from domain.customer import CUSTOMER, ChangeCustomer, CustomerRenamed
from domain.event import Recorded, Stream
from domain.events import EVENTS, TAGS
from domain.order import ORDER, RecordPayment, RecordRefund
from eventstore.store import Store
from projections.database import open_store
from projections.history.pages import Entry, customer_history, store_history
from service import customers, labels
from tests.eventstore.acts import BY, NOW, do, erase, place, register, transfer
from tests.projections.history import History

NAMES = Names({}, {1: "VIP"})


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with open_store(database) as store:
        yield store


async def lines(store: Store, customer_id: int, currencies: dict[int, str] | None = None) -> list[tuple[str, ...]]:
    page = await customer_history(store.pool, store.log, customer_id, limit=100)
    names = Names(currencies or {}, {})
    found = [event_line(entry, names, of=customer_id) for entry in page.entries]
    return [(line.title, line.amount, line.direction) for line in found]


def test_every_kind_of_event_has_an_icon_and_a_title() -> None:
    assert set(HEADS) == set(TAGS)
    assert len(HEADS) == len(EVENTS)


@pytest.mark.parametrize("seed", [51, 52])
async def test_every_event_of_any_history_has_a_line_a_sentence_and_its_fields(store: Store, seed: int) -> None:
    await History(store, seed).live(200)
    page = await store_history(store.pool, store.log, limit=1_000)
    orders = {row["id"]: row["currency"] for row in await store.pool.fetch("SELECT id, currency FROM orders")}
    names = Names(orders, {})
    assert len(page.entries) > 150
    for entry in page.entries:
        line = event_line(entry, names)
        assert (line.position, line.actor) == (entry.recorded.position, "ann")
        assert line.icon != "dot"
        assert line.title
        assert sentence(entry, names).endswith(".")
        assert (line.lack == "forgotten") == (entry.data is None)
        for chip in [*line.chips, *every_field(entry, names)]:
            assert chip.before != chip.after
            assert "Row(" not in f"{chip}"
        assert len(line.chips) <= 6


async def test_money_that_moves_is_an_amount_with_its_direction(store: Store) -> None:
    ada, grace = await register(store, "ada@example.com"), await register(store, "grace@example.com")
    order_id = await place(store, ada, 1_000, rate=Decimal("1.5"))
    await do(store, ORDER, order_id, RecordPayment(amount=250, transaction_id="ch_2"))
    await do(store, ORDER, order_id, RecordRefund(amount=300, transaction_id="re_1"))
    await transfer(store, order_id, grace)
    moved = [
        (f"Order given to customer {grace}", "", ""),
        ("Refund", f"{MINUS}$3.00", "down"),
        ("Payment", "+$2.50", "up"),
        ("Order placed", "$10.00", "up"),
    ]
    assert await lines(store, ada, {order_id: "USD"}) == [*moved, ("Registered", "", "")]
    assert (await lines(store, grace, {order_id: "USD"}))[0] == (f"Order received from customer {ada}", "", "")


async def test_labels_have_a_chip_each(store: Store) -> None:
    ada = await register(store, "ada@example.com")
    vip, slow = [await store.transact(BY, partial(labels.create, value=value)) for value in ("VIP", "slow")]
    for carried in ({vip}, {slow}):
        await store.transact(BY, partial(customers.set_labels, id_=ada, labels=frozenset(carried)))
    page = await customer_history(store.pool, store.log, ada, limit=1)
    line = event_line(page.entries[0], Names({}, {vip: "VIP", slow: "slow"}))
    assert line.chips == [Chip("label", "VIP", None), Chip("label", None, "slow")]


async def test_what_is_personal_is_hidden_from_who_may_not_see_it(store: Store) -> None:
    ada = await register(store, "ada@example.com")
    await place(store, ada, 1_000)
    await do(store, CUSTOMER, ada, ChangeCustomer(email="b@example.com"))
    page = await customer_history(store.pool, store.log, ada, limit=9)
    changed, placed, registered = (event_line(entry, NAMES, sees_personal=False) for entry in page.entries)
    assert (changed.chips, changed.lack, registered.lack) == ([], "hidden", "hidden")
    assert placed.chips[0] == Chip("payment status", None, "paid")
    assert placed.lack == ""
    shown = event_line(page.entries[0], NAMES)
    assert shown.chips == [Chip("email", "ada@example.com", "b@example.com")]


async def test_what_an_erased_customer_did_is_a_line_without_words(store: Store) -> None:
    ada = await register(store, "ada@example.com")
    await do(store, CUSTOMER, ada, ChangeCustomer(email="b@example.com"))
    await erase(store, ada)
    page = await customer_history(store.pool, store.log, ada, limit=9)
    found = [event_line(entry, NAMES) for entry in page.entries]
    assert [(line.title, line.lack, line.chips) for line in found] == [
        ("Erased", "", []),
        ("Email changed", "forgotten", []),
        ("Registered", "forgotten", []),
    ]


def test_an_event_of_a_later_version_is_named_by_its_tag() -> None:
    renamed = CustomerRenamed(first_name="Ada", last_name="")
    recorded = Recorded(stream=Stream("customer", 7), version=1, event=renamed, occurred_at=NOW, actor="ann")
    assert event_line(Entry(recorded, "customer-greeted", {}, {}), NAMES).title == "Customer greeted"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("total_paid", 0, "$0.00"),
        ("total_paid", 123_456, "$1,234.56"),
        ("addresses.4.is_primary", 0, "no"),
        ("labels", (1, 9), "VIP, label 9"),
        ("payment_status", "partially_refunded", "partially refunded"),
        ("notes", "", None),
        ("notes", "x" * 500, "x" * 119 + "…"),
        ("billing_address", {"name": "Ada", "city": ""}, "Ada"),
        ("rate", Decimal("1.50"), "1.5"),
        ("created_at", NOW.replace(tzinfo=None, microsecond=0), "2026-03-04 05:06:07"),
    ],
)
def test_values_are_written_for_people(name: str, value: object, text: str | None) -> None:
    assert value_text(name, value, "USD", NAMES) == text
