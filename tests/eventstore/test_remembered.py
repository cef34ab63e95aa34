"""What one process remembers while another writes, or the log is set back: it is never believed without asking."""

import pytest

from domain.event import Stream
from domain.label import LABEL, RenameLabel
from domain.order import ORDER, RecordPayment, RecordRefund
from domain.refusals import CustomerNotFound, RefundExceedsPayment
from eventstore.store import Store
from tests.eventstore.acts import (
    do,
    erase,
    place,
    register,
    rename,
)
from tests.eventstore.arriving import label


async def test_nothing_is_refused_for_what_another_process_has_changed(store: Store, elsewhere: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"), 100)
    await do(elsewhere, ORDER, order_id, RecordPayment(amount=900, transaction_id="t"))
    await do(store, ORDER, order_id, RecordRefund(amount=1_000, transaction_id="r"))
    with pytest.raises(RefundExceedsPayment):
        await do(elsewhere, ORDER, order_id, RecordRefund(amount=1, transaction_id="s"))


async def test_nothing_is_taken_for_done_that_another_process_has_undone(store: Store, elsewhere: Store) -> None:
    await label(store, 1, "here")
    await do(elsewhere, LABEL, 1, RenameLabel(value="there"))
    await do(store, LABEL, 1, RenameLabel(value="here"))
    assert await store.pool.fetchval("SELECT value FROM labels WHERE id = 1") == "here"


async def test_nothing_goes_to_a_customer_that_another_process_has_erased(store: Store, elsewhere: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    await erase(elsewhere, customer_id)
    with pytest.raises(CustomerNotFound):
        await place(store, customer_id)
    with pytest.raises(CustomerNotFound):
        await rename(store, customer_id, "Eve")


async def test_a_log_that_was_set_back_gets_no_gap(store: Store) -> None:
    """A failover may lead to a standby that lacks some transactions."""
    await label(store, 1)
    for number in range(3):
        await do(store, LABEL, 1, RenameLabel(value=f"name {number}"))
    await store.pool.execute("DELETE FROM stored_events WHERE originator_version > 2")
    await store.pool.execute("UPDATE claims SET value = 'name 0'")
    await do(store, LABEL, 1, RenameLabel(value="after"))
    stream = await store.log.stream(store.pool, Stream("label", 1))
    assert [recorded.version for recorded in stream] == [1, 2, 3]
