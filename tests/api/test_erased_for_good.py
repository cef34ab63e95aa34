"""After an erasure nothing of the person is left: a dump, the log and files are searched for it."""

import asyncio
import base64
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.process.tables import migrate
from eventstore.embedded.server import LOG, embedded, find_bindir
from projections.checks.verify import between, verify
from projections.replay.registry import poison_of
from tests.api.searching import found_in
from tests.api.shop import HOME, NO_CUSTOMER, Shop, done, open_shop, refusal
from tests.conftest import SETTINGS
from tests.projections.replays import asked, made
from tests.projections.rows import folded, live

SECRETS = (
    "zsofia.quimbolt@example.com", "quimbolt@example.org", "Zsófia", "Quimbölt", "Ürményházi köz", "Quimboltville",
    "+1-555-7788-31", "brass bell", "203.0.113.77", "black tulips", "quimbolt.example", "zsofiaquimbolt",
    "Quimbölt Holding", "former.quimbolt",
)  # fmt: skip
PERSON = {
    "email": "zsofia.quimbolt@example.com", "first_name": "Zsófia", "last_name": "Quimbölt", "city": "Quimboltville",
    "notes": "black tulips, please", "wp_user": "yes", "user_url": "https://quimbolt.example",
}  # fmt: skip
PLACE = HOME | {
    "name": "Zsófia Quimbölt", "email": "quimbolt@example.org", "address_1": "Ürményházi köz 17",
    "phone": "+1-555-7788-31", "company_name": "Quimbölt Holding",
}  # fmt: skip
REASON = "asked by letter"


class House(NamedTuple):
    """A shop on a server of its own, whose files can be looked at."""

    shop: Shop
    dsn: str
    directory: Path

    def dump(self) -> bytes:
        command = [str(find_bindir() / "pg_dump"), "--inserts", self.dsn]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def log(self) -> bytes:
        return (self.directory / LOG).read_bytes()

    def files(self) -> bytes:
        """All that the server has on its disk."""
        return b"".join(file.read_bytes() for file in self.directory.rglob("*") if file.is_file())


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as place:
        Path(place).chmod(0o711)  # so that the server's account gets there when root runs the tests
        yield Path(place) / "data"


@pytest.fixture
async def house(directory: Path) -> AsyncIterator[House]:
    with embedded(directory, SETTINGS | {"wal_recycle": "off"}) as dsn:  # so that old WAL is removed, and not kept
        await migrate(dsn)
        async with open_shop(dsn) as shop:
            yield House(shop, dsn, directory)


async def quimbolt(shop: Shop) -> int:
    """A customer of whom there is something in every place that holds people."""
    former = await shop.user(user_login="former.quimbolt", user_email="former.quimbolt@example.org")
    keyed = {"headers": {"Idempotency-Key": "create"}}
    customer = done(await shop.post("/customers", PERSON, **keyed))["data"]
    id_, user_id = int(customer["id"]), int(customer["user_id"])
    order_id = await shop.order(id_, 1_000, note="ring the brass bell", ip_address="203.0.113.77", total_paid=1_000)
    done(await shop.post(f"/customers/{id_}/address", PLACE | {"order_id": order_id}))
    done(await shop.post(f"/customers/{id_}/address", PLACE | {"type": "shipping", "order_id": order_id}))
    for number in range(120):  # so that there are snapshots of its history
        done(await shop.put(f"/customers/{id_}", PERSON | {"notes": f"black tulips {number}"}))
    for taken in await asyncio.gather(*(shop.post("/customers", PERSON) for _ in range(10))):
        assert taken.status_code in {400, 422}  # by the customer, or by its user
    for body in (PERSON | {"email": "quimbolt@example.org\u0000"}, PERSON | {"country": "Quimboltville"}):
        assert (await shop.post("/customers", body, headers={"Idempotency-Key": body["email"]})).status_code == 422
    with pytest.raises(asyncpg.UniqueViolationError, match="zsofia"):  # of which the log must not tell as much
        await shop.pool.execute("INSERT INTO claims SELECT * FROM claims WHERE value = $1", PERSON["email"])
    profile = {"user_login": "zsofiaquimbolt", "user_email": PERSON["email"], "user_url": PERSON["user_url"]}
    done(await shop.put(f"/users/{user_id}", profile, headers={"Idempotency-Key": "user"}))
    await link_for_a_while(shop, id_, user_id, former)
    return id_


async def link_for_a_while(shop: Shop, id_: int, user_id: int, former: int) -> None:
    """Another user, which is deleted then."""
    done(await shop.post(f"/customers/{id_}/detach-user"))
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": former}))
    done(await shop.delete(f"/users/{former}"))
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id}))


async def erase(shop: Shop, id_: int, **options: Any) -> None:
    body = {"action": "delete_customers", "customer_ids": [id_], "reason": REASON}
    done(await shop.post("/customers/do-bulk-action", body, **options))


async def maintain(shop: Shop, how: str) -> None:
    for statement in (how, "CHECKPOINT"):
        await shop.pool.execute(statement)


async def test_after_an_erasure_neither_a_dump_nor_a_log_knows_of_the_person(house: House) -> None:
    shop = house.shop
    other = await shop.customer()
    order_id = await shop.order(other, 700, total_paid=700)
    done(await shop.post(f"/customers/{other}/address", HOME | {"order_id": order_id}))
    id_ = await quimbolt(shop)
    await made(shop.store, asked("always"))  # whose former rows are kept
    await made(shop.store, asked("never"))  # whose rebuilt rows wait
    async for _checked in verify(shop.store, between(shop.pool)):
        pass
    before = await asyncio.to_thread(house.dump)
    assert found_in(before, SECRETS) == [each for each in SECRETS if each != "former.quimbolt"]  # sealed already
    await erase(shop, id_, headers={"Idempotency-Key": "erase"})
    await maintain(shop, "VACUUM (ANALYZE)")
    after = await asyncio.to_thread(house.dump)
    assert len(after) > 10_000
    assert found_in(after, SECRETS) == []
    samples = await shop.pool.fetch("SELECT t::text FROM pg_stats AS t")  # of values, for the planner
    assert found_in("".join(row[0] for row in samples).encode(), SECRETS) == []
    assert b"duplicate key" in house.log()
    assert found_in(house.log(), SECRETS) == []
    # What is left of it in PostgreSQL's files until it is written over, goes when they are written anew.
    for statement in ("VACUUM (FULL)", "VACUUM (FULL) pg_statistic", "SELECT pg_switch_wal()"):
        await maintain(shop, statement)
    left = house.files()
    assert [secret for secret in SECRETS if secret.encode() in left] == []
    await everything_works(shop, id_, other)


async def everything_works(shop: Shop, id_: int, other: int) -> None:
    """Replay, verify, history, lists and totals."""
    replay = await made(shop.store, asked("equal"))
    assert (replay.status, await poison_of(shop.pool, replay.id)) == ("swapped", [])
    assert await live(shop.store) == await folded(shop.store)
    async for checked in verify(shop.store, between(shop.pool)):
        assert (checked.drifted_ids, checked.unverified_ids) == ([], [])
    entries = done(await shop.get(f"/customers/{id_}/history?per_page=199"))["history"]["data"]
    told = {entry["type"]: entry["data"] for entry in entries}
    assert told["customer-registered"] is told["address-added"] is None
    assert told["order-placed"]["terms"]["total_paid"] == 1_000
    assert told["customer-erased"]["reason"] == REASON
    everything = done(await shop.get("/history?per_page=199"))["history"]["data"]
    assert {entry["type"] for entry in everything if entry["data"] is None} > {"user-profile-changed"}
    assert [each["id"] for each in done(await shop.get("/customers"))["customers"]["data"]] == [other]
    paid = await shop.pool.fetchval("SELECT sum(total_paid) FROM orders")
    assert paid == 1_700
    assert refusal(await shop.get(f"/customers/{id_}/export")) == NO_CUSTOMER


@given(st.binary(max_size=7), st.text(min_size=8, max_size=20), st.binary(max_size=7))
def test_the_search_finds_what_is_written_in_another_way(before: bytes, secret: str, after: bytes) -> None:
    raw = secret.encode("utf-8", "replace")
    others = (base64.b64encode(before + raw + after), raw.hex().encode(), secret.upper().encode("utf-16-le", "replace"))
    for data in (raw, *others):
        assert found_in(before + data + after, [raw.decode()]) == [raw.decode()]
    assert found_in(before + after, [raw.decode()]) == []
