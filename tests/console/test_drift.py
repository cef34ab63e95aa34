"""The screen of drift: verified by a job, figure by figure beside what the events give, and repaired."""

import asyncio
from typing import Any

from projections.checks import jobs
from tests.api.shop import Shop
from tests.console.browsing import Visitor, signed_in
from tests.eventstore.acts import PATIENCE, until
from tests.projections.test_verification_jobs import held_figures
from tests.projections.test_verify import NO_JSON, SPOIL_EVENT, position_of

PATH = "/console/drift"


async def verified(shop: Shop, visitor: Visitor, **asked: Any) -> str:
    """The page when a verification has ended."""
    answer = await visitor.post(f"{PATH}/verify", await visitor.hidden(PATH) | asked)
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    job = await jobs.newest(shop.pool)
    assert job is not None
    followed = await asyncio.wait_for(visitor.get(f"{PATH}/{job.id}/progress"), PATIENCE)
    assert followed.text.rstrip().rpartition("event: ")[2].startswith("end")
    return (await visitor.get(PATH)).text


async def buyer(shop: Shop) -> int:
    id_ = await shop.customer()
    await shop.pay(await shop.order(id_, 900), 900)
    return id_


async def test_everyone_is_verified_and_each_figure_is_shown_beside_what_events_give(empty_shop: Shop) -> None:
    shop = empty_shop
    one, other = await buyer(shop), await buyer(shop)
    async with signed_in(shop) as visitor:
        page = (await visitor.get(PATH)).text
        assert "Nobody was verified yet" in page
        assert '<strong class="num">2</strong> customers with two sums of <strong class="num">6</strong> events' in page
        assert "Nothing drifts" in await verified(shop, visitor)
        await shop.pool.execute("UPDATE figures SET ltv = 1900, purchase_count = 3 WHERE id = $1", one)
        await shop.pool.execute(SPOIL_EVENT, await position_of(shop.store, 2), NO_JSON)  # of the other's order
        page = await verified(shop, visitor)
        for cell in ("<del>$19.00</del>", "<ins>$9.00</ins>", ">+$10.00", "<del>3</del>", "<ins>1</ins>", ">+2"):
            assert cell in page
        assert "order-placed#1: " in page
        assert ": 1 drift, 1 could not be verified" in page
        assert f'href="/console/customers/{other}"' in page
        answer = await visitor.post(f"{PATH}/customers/{one}", await visitor.hidden(PATH))
        assert answer.status_code == 303
        assert (await shop.shown(one))["ltv"] == 900
        assert "<del>$19.00</del>" not in (await visitor.get(PATH)).text
        refused = await visitor.post(f"{PATH}/customers/{other}", await visitor.hidden(PATH))
        assert (refused.status_code, "can&#39;t be applied" in refused.text) == (409, True)


async def test_a_sample_is_as_large_as_asked_for(empty_shop: Shop) -> None:
    for _ in range(3):
        await buyer(empty_shop)
    async with signed_in(empty_shop) as visitor:
        assert "2 of 2 customers" in await verified(empty_shop, visitor, size=2)
        answer = await visitor.post(f"{PATH}/verify", await visitor.hidden(PATH) | {"size": "many"})
        assert (answer.status_code, 'id="size-problem"' in answer.text) == (422, True)


async def test_one_runs_is_followed_until_the_session_ends_and_cancelled(empty_shop: Shop) -> None:
    shop = empty_shop
    await buyer(shop)
    async with signed_in(shop) as visitor, signed_in(shop) as other:
        async with held_figures(shop.dsn):
            await visitor.post(f"{PATH}/verify", await hidden(visitor))
            job = await jobs.newest(shop.pool)
            assert job is not None
            await until(lambda: is_run(shop, job.id), "it runs")
            assert (await visitor.post(f"{PATH}/verify", await hidden(visitor))).status_code == 303
            newest = await jobs.newest(shop.pool)
            assert (newest and newest.id) == job.id, "one at a time"
            following = asyncio.create_task(visitor.get(f"{PATH}/{job.id}/progress"))
            await visitor.post(f"{PATH}/{job.id}/cancel", await hidden(visitor))
            await visitor.post("/console/logout", await hidden(visitor))
            assert "event: end" not in (await asyncio.wait_for(following, PATIENCE)).text
        await until(lambda: has_ended(shop, job.id), "it ends")
        assert "state-cancelled" in (await other.get(PATH)).text


async def hidden(visitor: Visitor) -> dict[str, str]:
    """The fields of a page that reads no figures, which are held."""
    return {"csrf": (await visitor.hidden("/console/replays/nowhere"))["csrf"]}


async def is_run(shop: Shop, id_: int) -> bool:
    return (await jobs.find(shop.pool, id_)).status == "running"


async def has_ended(shop: Shop, id_: int) -> bool:
    return (await jobs.find(shop.pool, id_)).has_ended
