"""What an import makes does not depend on the order of the file's rows."""

import gzip
from datetime import datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from domain.user import USER, RegisterUser, UserProfile
from eventstore.store import Store
from projections.checks.explain import explain
from projections.database import at_one_moment
from service.importing.files import ImportFileError
from service.importing.orders_csv.rates import Rates, read_rate, read_rates
from tests.eventstore.acts import do
from tests.importing.desk import Desk, order, order_file, said
from tests.projections.rows import live

ROWS = [
    order(3, created_at="2025-09-01 10:00:00", first_name="Anna", email="ANN@shop.example"),
    order(2, created_at="2024-05-01 10:00:00", first_name="Annie"),
    order(1, created_at="2023-01-15 10:00:00", first_name="Ann"),
]
EARLIEST = datetime.fromisoformat(ROWS[-1]["created_at"])
INR = {"currency": "INR", "total_amount": "1159400", "total_paid": "1159400"}
RATES_FILE = "date,currency,rate\n2025-01-01,INR,0.012\n2025-02-01,INR,0.013\n2025-01-01,EUR,1.08\n"


async def the_customer(store: Store) -> Any:
    [customer] = (await live(store))["customers"].values()
    return customer


@pytest.mark.parametrize("rows", list(permutations(ROWS)))
async def test_a_customer_is_as_old_as_its_earliest_row(desk: Desk, rows: list[dict[str, str]]) -> None:
    assert (await desk.orders(order_file(*rows))).created == {"customers": 1, "orders": 3}
    customer = await the_customer(desk.store)
    found = customer.created_at, customer.first_name, customer.email
    assert found == (EARLIEST, "Ann", "ann@shop.example")


async def test_an_existing_user_with_the_email_is_linked(desk: Desk) -> None:
    profile = UserProfile(user_login="ann", user_email="Ann@Shop.example")
    await do(desk.store, USER, 5, RegisterUser(profile=profile))
    await desk.orders(order_file(*ROWS))
    assert (await the_customer(desk.store)).user_id == 5


@pytest.mark.parametrize("dry_run", [True, False])
async def test_orders_in_another_currency_without_a_rate_are_counted(desk: Desk, dry_run: bool) -> None:
    rows = [order(1, **INR), order(2, **INR), order(3, currency="EUR"), order(4), order(5, rate="1", **INR)]
    report = await desk.orders(order_file(*rows, columns=(*order(), "rate")), dry_run=dry_run)
    assert report.without_rate == {"INR": 2, "EUR": 1}
    assert [message for _line, message in said(report.notes)] == [
        "One order in EUR comes without a rate to USD: rate 1 is taken; `--rate EUR=…` gives one.",
        "2 orders in INR come without a rate to USD: rate 1 is taken; `--rate INR=…` gives one.",
    ]
    assert report.is_complete


async def test_a_rate_is_that_of_the_row_or_of_the_day_or_the_one_for_all(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(RATES_FILE)
    rates = Rates(dict([read_rate("INR=0.01")]), read_rates(file))
    days = {1: "2024-12-31 23:59:59", 2: "2025-01-01", 3: "2025-01-31 23:59:59", 4: "2026-01-01"}
    rows = [*(order(n, created_at=day, **INR) for n, day in days.items()), order(5, rate="2", **INR), order(6)]
    report = await desk.orders(order_file(*rows, columns=(*order(), "rate")), rates=rates)
    assert report.without_rate == {}
    found = {id_: row.rate for id_, row in (await live(desk.store))["orders"].items()}
    assert found == {1: Decimal("0.01"), 2: Decimal("0.012"), 3: Decimal("0.012"), 4: Decimal("0.013"), 5: 2, 6: 1}
    assert (await desk.orders(order_file(*rows, columns=(*order(), "rate")))).already_imported["orders"] == 6


@pytest.mark.parametrize(
    "row", ["2025-01-01,INR", "soon,INR,1", "2025-01-01,inr,1", "2025-01-01,INR,0", "a,b,c,d", "2025-01-01,EUR,1.09"]
)
def test_a_file_of_rates_names_the_line_that_is_wrong(tmp_path: Path, row: str) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(RATES_FILE + row)
    with pytest.raises(ImportFileError, match="line 5"):
        read_rates(file)


def test_a_file_of_rates_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv.gz"
    file.write_bytes(gzip.compress(RATES_FILE.encode())[:-12])
    with pytest.raises(ImportFileError, match="can't be read"):
        read_rates(file)


def test_a_rate_may_be_said_twice(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(f"{RATES_FILE}2025-01-01,EUR,1.080\n")
    assert len(read_rates(file)) == 4


async def test_an_explanation_says_that_no_rate_was_given(desk: Desk) -> None:
    rows = [order(1, **INR), order(2, rate="1", **INR), order(3)]
    await desk.orders(order_file(*rows, columns=(*order(), "rate")))
    async with at_one_moment(desk.store.pool) as on:
        found = await explain(on, desk.store.log, (await the_customer(desk.store)).id, store_currency="USD")
    assert found is not None
    said_of = {each.order_id: "In INR: rate 1, because none was given." in each.why for each in found[0].orders}
    assert said_of == {1: True, 2: False, 3: False}
