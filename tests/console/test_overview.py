"""The overview: figures that are REST's, what happened last, and health in words."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from projections.checks.verify import between, verify
from projections.replay import engine, registry
from projections.replay.registry import Status
from projections.tables.swap import Swap
from service.credentials.roles import Role
from tests.api.shop import Shop, done
from tests.console.browsing import signed_in
from tests.console.reading import rows_of, text_of
from tests.importing.test_sample import expected, imported
from tests.projections.replays import asked

FIGURE = re.compile(r'<h2>([^<]+)</h2><p class="big num">([^<]+)</p>')


def figures_of(html: str) -> dict[str, str]:
    return dict(FIGURE.findall(html))


async def verify_everyone(shop: Shop) -> None:
    async for _checked in verify(shop.store, between(shop.pool)):
        pass


def cents(text: str) -> int:
    return int(Decimal(text.replace("$", "").replace(",", "")) * 100)


async def test_figures_are_the_sums_of_rests_and_the_months_add_up_to_them(empty_shop: Shop) -> None:
    shop = empty_shop
    one, other = [await shop.order(await shop.customer(), total) for total in (1_234, 99)]
    await shop.pay(one, 1_234)
    await shop.pay(other, 99)
    await shop.refund(other, 9)
    customers = done(await shop.get("/customers"))["customers"]["data"]
    async with signed_in(shop) as visitor:
        for range_ in ("30d", "12m", "all"):
            html = (await visitor.get(f"/console?range={range_}")).text
            assert figures_of(html) == {
                "Customers": "2", "Lifetime value, all": "$13.24", "Purchases": "2", "Average order": "$6.62",
            }  # fmt: skip
            assert sum(each["ltv"] for each in customers) == 1_324
            shown = rows_of(html)
            assert sum(cents(net) for _when, _orders, net, _new in shown) == 1_324
            assert [sum(int(row[place]) for row in shown) for place in (1, 3)] == [2, 2]


@pytest.mark.parametrize(
    ("months", "unit", "names"),
    [
        (["1997-01", "1997-03"], "month", ["Mar 1997", "Feb 1997", "Jan 1997"]),
        (["1997-01", "2015-03"], "month", ["Mar 2015", "Jan 1997"]),
        ([f"{year}-{month:02}" for year in (1990, 1991, 1992, 1993, 1999, 2000) for month in range(1, 12)], "year",
         ["2000", "1999", "1993", "1992", "1991", "1990"]),
    ],
    ids=["months between are there", "a long silence is left out", "many months are years"],
)  # fmt: skip
async def test_all_time_is_shown_in_as_many_bars_as_one_can_see(
    empty_shop: Shop, months: list[str], unit: str, names: list[str]
) -> None:
    one = await empty_shop.customer()
    came = datetime.fromisoformat(f"{months[0]}-02").replace(tzinfo=UTC)
    await empty_shop.pool.execute("UPDATE stored_events SET occurred_at = $1", came)
    for month in months:
        await empty_shop.order(one, 100, total_paid=100, payment_status="paid", created_at=f"{month}-02 10:00:00")
    async with signed_in(empty_shop) as visitor:
        html = (await visitor.get("/console")).text
        assert f"Net by {unit}" in html
        assert [row[0] for row in rows_of(html)] == names


async def test_a_store_without_anybody_says_how_to_begin(empty_shop: Shop) -> None:
    async with signed_in(empty_shop) as visitor:
        for range_ in ("30d", "12m", "all", "nonsense"):
            answer = await visitor.get(f"/console?range={range_}")
            assert answer.status_code == 200
            assert figures_of(answer.text)["Customers"] == "0"
            assert ("No customer yet" in answer.text) == (range_ in {"all", "nonsense"})


@pytest.mark.parametrize(
    ("role", "sees"),
    [("administrator", ("Net by month", "Lately", "Health")), ("manager", ("Net by month",)),
     ("worker", ("Net by month",)), ("monitor", ("Health",))],
)  # fmt: skip
async def test_each_role_sees_its_part(shop: Shop, role: Role, sees: tuple[str, ...]) -> None:
    await shop.pay(await shop.order(await shop.customer()), 1_000)
    async with signed_in(shop, role) as visitor:
        text = text_of((await visitor.get("/console")).text)
        assert [part for part in ("Net by month", "Lately", "Health") if part in text] == list(sees)


async def test_what_happened_last_comes_first(shop: Shop) -> None:
    id_ = await shop.customer(first_name="Ada")
    done(await shop.put(f"/customers/{id_}/additional-info", {"labels": [await shop.label()]}))
    async with signed_in(shop) as visitor:
        html = (await visitor.get("/console")).text
        lately = html[html.index("Lately") :]
        assert [row[1] for row in rows_of(lately)][:2] == [f"Labels changed customer {id_}", "Label created label 1"]


async def test_health_says_what_needs_somebody_and_where(empty_shop: Shop) -> None:
    shop = empty_shop
    await shop.customer()
    async with signed_in(shop, "monitor") as visitor:
        assert "Figures: not verified yet" in text_of((await visitor.get("/console")).text)
        await verify_everyone(shop)
        text = text_of((await visitor.get("/console")).text)
        assert "as events say" in text
        assert "Needs somebody" not in text
        await shop.pool.execute("UPDATE figures SET ltv = ltv + 1")
        await verify_everyone(shop)
        assert "Needs somebody Figures: 1 drift" in text_of((await visitor.get("/console")).text)


async def test_health_names_a_replay_that_needs_somebody_also_behind_a_newer_one(empty_shop: Shop) -> None:
    shop = empty_shop
    await shop.customer()
    async with signed_in(shop, "monitor") as visitor:
        assert "Replays none waits" in text_of((await visitor.get("/console")).text)
        seen: list[tuple[Swap, Status, str]] = [
            ("never", "ready", "#1 waits to be swapped"),
            ("always", "swapped", "#1 waits to be swapped"),
            ("always", "failed", "#1 waits to be swapped, #3 failed"),
            ("always", "building", "#4 was interrupted, #1 waits to be swapped"),
        ]
        for swap, status, words in seen:
            async with engine.alone(shop.pool) as connection:
                await registry.set_status(connection, await registry.start(connection, asked(swap)), status)
            text = text_of((await visitor.get("/console")).text)
            assert f"Needs somebody Figures: not verified yet Replays: {words}" in text


async def test_of_the_sample_it_shows_the_sums_of_figures_that_were_summed_independently(empty_shop: Shop) -> None:
    await imported(empty_shop.store)
    _emails, purchases, ltv, *_ = zip(*expected(), strict=True)
    async with signed_in(empty_shop) as visitor:
        html = (await visitor.get("/console")).text
        shown = figures_of(html)
        assert (shown["Customers"], shown["Purchases"]) == (f"{len(ltv):,}", f"{sum(purchases):,}")
        assert cents(shown["Lifetime value, all"]) == sum(ltv)
        assert sum(cents(net) for _when, _orders, net, _new in rows_of(html)) == sum(ltv)
