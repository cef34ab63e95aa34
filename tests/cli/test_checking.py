"""`custodiary verify`, `replay --what-if` and `replays list`: what they print, and how they end."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from api.cli.terminal import exits
from domain.order import ORDER, RecordRefund
from domain.value import RULES
from eventstore.store import Store
from projections.checks import jobs
from projections.database import open_store
from projections.replay import engine
from tests.cli.process import custodiary
from tests.eventstore.acts import do, erase, place
from tests.projections.replays import asked
from tests.projections.rows import live
from tests.projections.test_verify import NO_JSON, SPOIL_EVENT, buyers, position_of


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with open_store(database, connections=2) as store:
        yield store


async def test_verify_names_what_drifts_and_what_it_cannot_tell(database: str, store: Store) -> None:
    first, second, third = await buyers(store, 3)
    ended = custodiary("verify", DATABASE_URL=database)
    assert (ended.code, ended.lines) == (exits.DONE, ["Checked 3 customers: 0 with drift, 0 not verified."])
    await store.pool.execute("UPDATE figures SET ltv = 7, aov = 3.5 WHERE id = $1", second)
    position = await position_of(store, await place(store, third))
    await store.pool.execute(SPOIL_EVENT, position, NO_JSON)
    ended = custodiary("verify", DATABASE_URL=database)
    assert ended.code == exits.NOT_ALL
    assert ended.lines[:2] == [
        f"customer {second}: ltv is 0.07 USD stored, 10.00 USD by the fold, 10.00 USD by SQL",
        f"customer {second}: aov is 0.04 USD stored, 10.00 USD by the fold, 10.00 USD by SQL",
    ]
    assert ended.lines[2].startswith(f"customer {third}: not verified, position {position}, order-placed#1: ")
    assert ended.lines[3:] == ["Checked 3 customers: 1 with drift, 1 not verified."]
    told = custodiary("verify", "--json", DATABASE_URL=database).json
    [unread] = told.pop("not_verified")
    assert told.pop("store") == f"postgresql:///{urlsplit(database).path.strip('/')}"
    assert told == {
        "checked": 3,
        "drifted": 1,
        "unverified": 1,
        "differences": [
            {"customer_id": second, "field": "ltv", "stored": 7, "fold": 1_000, "sql": 1_000},
            {"customer_id": second, "field": "aov", "stored": 3.5, "fold": 1_000, "sql": 1_000},
        ],
    }
    assert (unread["customer_ids"], unread["position"]) == ([third], position)
    some = custodiary("verify", "--customers", first, "--json", DATABASE_URL=database)
    assert (some.code, some.json["checked"]) == (exits.DONE, 1)
    assert custodiary("verify", "--sample", 2, "--json", DATABASE_URL=database).json["checked"] == 2


async def test_verify_waits_for_no_other(database: str, store: Store) -> None:
    async with jobs.alone(store.pool):
        ended = custodiary("verify", DATABASE_URL=database)
    assert ended.complaint == (exits.BUSY, "Another verification is running.")


async def test_a_list_of_replays_shows_who_started_them_whatever_the_login(database: str, store: Store) -> None:
    await engine.begin(store, replace(asked(), started_by="[/red]"))
    ended = custodiary("replays", "list", DATABASE_URL=database)
    assert (ended.code, ended.lines[1].split()[-1]) == (exits.DONE, "[/red]")


@pytest.mark.parametrize(
    "wrong", [("--customers", "5-1"), ("--sample", 0), ("--sample", 1, "--customers", "1-2")], ids=str
)
async def test_verify_refuses_what_it_does_not_understand(database: str, wrong: tuple[object, ...]) -> None:
    assert custodiary("verify", *wrong, DATABASE_URL=database).code == exits.USAGE


async def test_what_if_tells_who_would_move_and_moves_nobody(database: str, store: Store) -> None:
    first, second, gone = await buyers(store, 3)
    await do(store, ORDER, await place(store, second, 501), RecordRefund(amount=200, transaction_id="r1"))
    await erase(store, gone)
    before = await live(store)
    ended = custodiary("replay", "--what-if", "gross-of-refunds", DATABASE_URL=database)
    assert ended.code == exits.DONE
    said = "1 of 2 customers would have other figures"
    position = await store.log.head(store.pool)
    assert ended.lines[0] == f"Under gross-of-refunds instead of net-of-refunds, {said}, at position {position}."
    assert [line.split() for line in ended.lines[1:5]] == [
        ["figure", "now", "then", "up", "down", "unchanged"],
        ["ltv", "23.01", "USD", "25.01", "USD", "1", "0", "1"],
        ["purchase_count", "3", "3", "0", "0", "2"],
        ["aov", "7.67", "USD", "8.34", "USD", "1", "0", "1"],
    ]
    assert ended.lines[5:] == [
        f"ltv of customer {second}: 13.01 USD → 15.01 USD (+2.00 USD)",
        f"aov of customer {second}: 6.51 USD → 7.51 USD (+1.00 USD)",
    ]
    told = custodiary("replay", "--what-if", "gross-of-refunds", "--json", DATABASE_URL=database).json
    assert (told["rule"], told["instead_of"], told["untold"]) == ("gross-of-refunds", "net-of-refunds", [])
    assert (told["customers"], told["changed"]) == (2, 1)
    assert told["figures"]["aov"] == {
        "before": 767,
        "after": 833.67,
        "up": 1,
        "down": 0,
        "unchanged": 1,
        "furthest_up": [{"customer_id": second, "before": 650.5, "after": 750.5, "by": 100}],
        "furthest_down": [],
    }
    assert await live(store) == before
    assert first not in [mover["customer_id"] for mover in told["figures"]["ltv"]["furthest_up"]]


async def test_an_unknown_rule_is_wrong_usage_that_lists_the_rules(database: str) -> None:
    ended = custodiary("replay", "--what-if", "guess", DATABASE_URL=database)
    assert ended.code == exits.USAGE
    said = " ".join(ended.stderr.replace("│", " ").split())
    assert all(rule in said for rule in RULES)
