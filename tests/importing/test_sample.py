"""The bundled sample of real purchases, against figures that were summed independently."""

import csv
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

from api.cli.actions.serve import SAMPLE
from api.console.charts import LEAST
from api.console.screens.customer.views.value import MOST_BARS, value_tab
from domain.value import RULE
from eventstore.store import By, Store
from projections.checks.course import course
from projections.checks.explain import explain
from projections.database import at_one_moment, open_store
from projections.queries.customers import find_customer
from projections.replay.engine import replay
from service.importing.orders_csv.orders import import_orders
from service.importing.report import Report
from tests.conftest import new_database, with_database

EXPECTED = Path(__file__).parents[1] / "data" / "cdnow_sample_expected.csv.gz"
FIGURES = """
    SELECT email, purchase_count, ltv, aov, first_purchase_date, last_purchase_date
    FROM customers JOIN figures USING (id) WHERE email LIKE '%@cdnow.example' ORDER BY email"""


@pytest.fixture(name="store", scope="module")
async def store_with_the_sample(server: str, template: str) -> AsyncIterator[Store]:
    async with new_database(server, template) as name, open_store(with_database(server, name)) as store:
        report = await imported(store)
        assert (report.created["customers"], report.created["orders"]) == (2357, 6856)
        yield store


async def test_every_customer_of_the_sample_has_its_figures_before_and_after_a_replay(store: Store) -> None:
    assert await figures(store) == expected()
    await replay(store)
    assert await figures(store) == expected()
    head = await store.log.head(store.pool)
    again = await imported(store)
    assert (again.created.total(), again.already_imported["orders"]) == (0, 6856)
    assert await store.log.head(store.pool) == head


async def test_every_customer_of_the_sample_is_explained(store: Store) -> None:
    customers = await store.pool.fetch("SELECT id, email FROM customers")
    explained = []
    async with at_one_moment(store.pool) as on:
        for id_, email in customers:
            found = await explain(on, store.log, id_, store_currency="USD")
            assert found is not None
            told, _version = found
            assert sum(order.contribution for order in told.orders) == told.ltv
            assert all(sum(it.amount for it in order.amounts) == order.contribution for order in told.orders)
            explained.append((email, told.purchase_count, told.ltv, told.aov))
    assert sorted(explained) == [figures[:4] for figures in expected()]


async def test_the_waterfalls_of_a_hundred_customers_end_at_their_values(store: Store) -> None:
    ids = await store.pool.fetch("SELECT id FROM figures ORDER BY purchase_count DESC, id LIMIT 50")
    ids += await store.pool.fetch("SELECT id FROM figures ORDER BY md5(id::text) LIMIT 50")
    async with at_one_moment(store.pool) as on:
        for (id_,) in ids:
            row, way = await find_customer(on, id_), await course(on, store.log, id_, store_currency="USD")
            assert row is not None
            tab = value_tab(way, row, "Somebody", RULE.name, "USD")
            assert (tab.ltv, way.ltv[-1], tab.wrong) == (row["ltv"], row["ltv"], [])
            assert sum(share.contribution for share in tab.shares) == row["ltv"]
            assert len(tab.chart.bars) <= MOST_BARS + 1
            *parts, total = tab.chart.bars
            stacked = sum(bar.height for bar in parts if bar.kind == "up")
            assert abs(stacked - total.height) <= LEAST * len(parts)


async def imported(store: Store) -> Report:
    with as_file(files("api") / "data" / SAMPLE) as path:
        return await import_orders(store, By(actor="import", at=datetime.now(UTC)), path)


async def figures(store: Store) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await store.pool.fetch(FIGURES)]


def expected() -> list[tuple[Any, ...]]:
    with gzip.open(EXPECTED, "rt") as lines:
        rows = list(csv.DictReader(lines))
    return sorted(
        (
            row["email"], int(row["purchase_count"]), int(row["ltv"]), Decimal(row["aov"]),
            datetime.fromisoformat(row["first_purchase_date"]), datetime.fromisoformat(row["last_purchase_date"]),
        )
        for row in rows
    )  # fmt: skip
