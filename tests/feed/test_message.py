"""What others get of an event: a CloudEvent, thin or full, that says nothing about who is erased."""

import re

import pytest

from domain.customer import CUSTOMER, ChangeCustomer
from domain.label import LABEL, CreateLabel
from eventstore.log.digest import NONE
from eventstore.store import Store
from projections.history import snapshots
from service.feed import message
from tests.eventstore.acts import BY, NOW, add_user, do, erase, place, register, rename, transfer
from tests.feed.following import SOURCE, follow, full, thin
from tests.projections import plainly
from tests.projections.history import History

ATTRIBUTE = re.compile("[a-z0-9]{1,20}")  # as CloudEvents names them
FOREIGN = """
    INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES
        ($1, 1, 'customer-adopted#1', '{}'), ($2, 3, 'customer-adopted#1', '{}'), ($3, 1, 'label-created#9', '{}')"""


async def test_an_event_is_a_cloud_event(store: Store) -> None:
    id_ = await register(store, "ada@example.com")
    await rename(store, id_, "Augusta")
    [_, renamed] = await follow(store)
    assert thin(renamed) == {
        "specversion": "1.0",
        "id": "2",
        "source": SOURCE,
        "type": "customer-renamed",
        "subject": f"customers/{id_}",
        "time": "2026-03-04T05:06:07.891011Z",
        "sequence": "0000000000000002",
        "recordedtime": renamed.recorded.recorded_at.isoformat().replace("+00:00", "Z"),  # type: ignore[union-attr]
        "digest": renamed.recorded.digest.hex(),
        "datacontenttype": "application/json",
        "data": {
            "customer_id": id_, "version": 2, "changed": ["first_name"], "actor": BY.actor, "request_id": BY.request_id,
        },
    }  # fmt: skip
    assert all(map(ATTRIBUTE.fullmatch, thin(renamed)))


async def test_a_full_one_has_the_values_too(store: Store) -> None:
    id_ = await register(store, "ada@example.com")
    await rename(store, id_, "Augusta")
    [_, renamed] = await follow(store)
    assert full(renamed) == thin(renamed) | {
        "data": thin(renamed)["data"]
        | {"changes": {"first_name": ["Ada", "Augusta"]}, "event": {"first_name": "Augusta", "last_name": "Byron"}}
    }


async def test_subjects_name_the_stream_and_orders_are_named_beside_their_customer(store: Store) -> None:
    ada, bob = await register(store, "ada@example.com"), await register(store, "bob@example.com")
    order = await place(store, ada)
    await transfer(store, order, bob)
    await add_user(store, 7, "ada")
    await do(store, LABEL, 3, CreateLabel(value="kind"))
    transferred = {"customer_id": bob, "former_customer_id": ada, "order_id": order}
    subjects = {
        each["subject"]: {name: each["data"].get(name) for name in transferred}
        for each in map(thin, await follow(store))
    }
    nobody = dict.fromkeys(transferred)
    assert subjects == {
        f"customers/{ada}": nobody | {"customer_id": ada}, f"customers/{bob}": nobody | {"customer_id": bob},
        f"orders/{order}": transferred, "users/7": nobody, "labels/3": nobody,
    }  # fmt: skip


@pytest.mark.parametrize("seed", [31, 32])
async def test_it_names_exactly_the_fields_that_a_plain_fold_finds_changed(
    store: Store, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(snapshots, "EVERY", 4)
    await History(store, seed).live(200)
    log = await plainly.everything(store)
    changes = plainly.changes(log)
    followed = await follow(store)
    assert [entry.recorded.position for entry in followed] == [recorded.position for recorded in log]
    for entry in followed:
        differing = changes[entry.recorded.position]
        assert entry.changes == differing
        named = thin(entry)["data"]["changed"]
        assert named == (differing if differing is None else list(differing))
        assert full(entry)["data"]["changed"] == named


async def test_of_the_erased_it_has_only_what_is_left(store: Store) -> None:
    id_ = await register(store, "ada@example.com")
    await rename(store, id_, "Augusta")
    await erase(store, id_)
    [registered, renamed, erased] = await follow(store)
    for entry in (registered, renamed):
        assert b"Ada" not in message.full(entry, SOURCE)
        assert b"Augusta" not in message.full(entry, SOURCE)
        data = full(entry)["data"]
        assert (data["changed"], data["changes"], data["event"]) == (None, None, None)
        assert data["customer_id"] == id_
    assert full(erased)["data"]["event"] == {"addresses": [], "orders": [], "users": [], "reason": ""}
    assert thin(erased)["data"]["changed"] is None


async def test_an_event_of_an_unknown_type_or_category_passes_as_unknown(store: Store) -> None:
    id_ = await register(store, "ada@example.com")
    stream = await store.pool.fetchval("SELECT originator_id FROM stored_events")
    foreign, label = stream.hex.replace("0001", "00ff", 1), stream.hex.replace("0001", "0004", 1)
    await rename(store, id_, "Augusta")
    await store.pool.execute(FOREIGN, foreign, stream, label)
    await do(store, LABEL, 77, CreateLabel(value="kind"))
    followed = await follow(store)
    assert [(each["type"], each["subject"], each["data"]["changed"]) for each in map(full, followed)] == [
        ("customer-registered", f"customers/{id_}", list(followed[0].changes or ())),
        ("customer-renamed", f"customers/{id_}", ["first_name"]),
        ("customer-adopted", f"unknown/{id_}", None),
        ("customer-adopted", f"customers/{id_}", None),
        ("label-created", f"labels/{id_}", None),
        ("label-created", "labels/77", ["id", "value", "created_at"]),
    ]
    assert followed[2].recorded.digest == NONE
    assert full(followed[2])["digest"] == ""


async def test_what_is_too_large_is_sent_thin_and_says_so(store: Store) -> None:
    id_ = await register(store, "ada@example.com")
    await do(store, CUSTOMER, id_, ChangeCustomer(notes="n" * message.MAX_BYTES))
    await do(store, CUSTOMER, id_, ChangeCustomer(notes="short"), at=NOW)
    [_, long, short] = await follow(store)
    for entry in (long, short):  # the second says what was before
        assert len(message.full(entry, SOURCE)) <= message.MAX_BYTES
        assert full(entry)["data"] == thin(entry)["data"] | {"left_out": ["changes", "event"]}
    assert thin(long)["data"]["changed"] == ["notes"]
