"""`custodiary history` and `custodiary explain`, run as an operator runs them."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from domain.order import ORDER, DeleteOrder, RecordRefund
from eventstore.store import Store
from projections.database import open_store
from tests.cli.process import custodiary
from tests.eventstore.acts import do, erase, place, register, rename


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with open_store(database) as store:
        yield store


@pytest.fixture
async def ada(store: Store) -> int:
    """Renamed twice, with an order that was refunded in part."""
    id_ = await register(store, "ada@example.com")
    await rename(store, id_, "[red]Augusta")
    order_id = await place(store, id_, 1_000, rate=Decimal("1.0853"))
    await do(store, ORDER, order_id, RecordRefund(amount=333, transaction_id="re_1"))
    await rename(store, id_, "Ada")
    return id_


def run(database: str, *arguments: object) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    ended = custodiary(*arguments, DATABASE_URL=database, COLUMNS=400)
    return ended.code, ended.stdout, ended.stderr


def listed(database: str, *arguments: object) -> dict[str, Any]:
    code, output, errors = run(database, "history", *arguments, "--json")
    assert (code, errors) == (0, "")
    return dict(json.loads(output))


async def test_a_customers_history_is_a_story(database: str, ada: int) -> None:
    code, output, errors = run(database, "history", ada, "--limit", 3)
    head, *lines = output.splitlines()
    assert (code, head.split()) == (0, ["position", "happened", "who", "what"])
    told = [" ".join(line.split()) for line in lines]
    assert told[0] == "5 2026-03-04 05:06:07 ann The name went from [red]Augusta Byron to Ada Byron."
    assert told[1].endswith(" 3.33 USD of order 1 were refunded, by transaction re_1.")
    assert " Order 1 was placed for 10.00 USD" in told[2]
    assert errors.endswith(f"custodiary history {ada} --limit 3 --cursor 3`\n")


async def test_the_stores_history_says_whom_it_is_about_and_knows_the_currency_of_what_is_deleted(
    database: str, store: Store, ada: int
) -> None:
    order_id = await place(store, ada, 1_050)
    await do(store, ORDER, order_id, RecordRefund(amount=50, transaction_id="re_2"))
    await do(store, ORDER, order_id, DeleteOrder())
    code, output, _errors = run(database, "history", "--limit", 2)
    assert code == 0
    deleted, refunded = (" ".join(line.split()) for line in output.splitlines()[1:])
    assert deleted.endswith(f"Customer {ada}: Order {order_id} was deleted.")
    assert refunded.endswith(f"Customer {ada}: 0.50 USD of order {order_id} were refunded, by transaction re_2.")


async def test_a_script_reads_pages_with_the_filters_that_clients_have(database: str, ada: int) -> None:
    page = listed(database, ada, "--type", "customer-renamed", "--limit", 1)
    assert [entry["changes"] for entry in page["data"]] == [{"first_name": ["[red]Augusta", "Ada"]}]
    rest = listed(database, ada, "--type", "customer-renamed", "--cursor", page["next_cursor"])
    assert ([entry["position"] for entry in rest["data"]], rest["next_cursor"]) == ([2], None)
    day = ("--from", "2026-03-04", "--to", "2026-03-04")
    assert len((listed(database, ada, *day, "--actor", "ann"))["data"]) == 5
    assert (listed(database, ada, "--from", "2026-03-05"))["data"] == []


async def test_without_an_id_it_is_the_stores_history(database: str, store: Store, ada: int) -> None:
    other = await register(store, "grace@example.com")
    entries = (listed(database))["data"]
    assert [entry["position"] for entry in entries] == [6, 5, 4, 3, 2, 1]
    assert entries[0]["subject"] == {"type": "customer", "id": other}


@pytest.mark.parametrize("arguments", [("--type", "no-such-thing"), ("--from", "soon")])
async def test_what_makes_no_sense_is_refused(database: str, arguments: tuple[str, str]) -> None:
    code, output, errors = run(database, "history", *arguments)
    assert (code, output) == (2, "")
    assert arguments[0] in errors


async def test_an_explanation_is_a_table_with_its_sum(database: str, ada: int) -> None:
    code, output, _errors = run(database, "explain", ada)
    head, order, total, rule = output.splitlines()
    assert code == 0
    assert head.split() == ["order", "paid", "refunded", "rate", "contributes", "why"]
    assert order.split()[:8] == ["1", "10.00", "USD", "3.33", "USD", "1.0853", "7.24", "USD"]
    assert order.rstrip().endswith("Counts: its payment is partially refunded, less what was refunded.")
    assert total.split() == ["sum", "7.24", "USD", "1", "purchase,", "7.24", "USD", "on", "average"]
    assert rule == "Rule net-of-refunds, version 1; rounded half up to the smallest unit, each order by itself."


async def test_a_script_reads_an_explanation(database: str, ada: int) -> None:
    code, output, errors = run(database, "explain", ada, "--json")
    body = json.loads(output)
    assert (code, errors) == (0, "")
    assert (body["ltv"], body["orders"][0]["rounding"]["unrounded"]) == (724, 723.8951)


async def test_of_nobody_there_is_nothing(database: str, store: Store, ada: int) -> None:
    assert run(database, "history", 99) == (1, "", "custodiary: There is no customer 99.\n")
    assert run(database, "explain", 99) == (1, "", "custodiary: There is no customer 99.\n")
    await erase(store, ada)
    assert run(database, "explain", ada) == (1, "", f"custodiary: There is no customer {ada}.\n")
    assert len((listed(database, ada))["data"]) == 6
