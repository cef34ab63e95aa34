"""The screen of replays: what it shows is what REST answers, and what it does is done once."""

import asyncio
import re

import pytest

from projections.replay import engine
from service import replays
from tests.api.shop import Shop, done
from tests.console.browsing import Visitor, signed_in, visiting
from tests.eventstore.acts import PATIENCE, until
from tests.projections.replays import asked
from tests.projections.test_replay_ends import held_ranges

PATH = "/console/replays"


async def started(visitor: Visitor, **asked: str) -> str:
    """The path of a new replay."""
    form = {"projection": "", "customers": "", "from": "", "swap": "never"} | asked
    answer = await visitor.post(PATH, await visitor.hidden(f"{PATH}/new") | form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def ended(visitor: Visitor, path: str) -> None:
    answer = await asyncio.wait_for(visitor.get(f"{path}/progress"), PATIENCE)
    assert answer.text.rstrip().rpartition("event: ")[2].startswith("end")


async def test_a_replay_is_started_followed_compared_swapped_and_rolled_back(empty_shop: Shop) -> None:
    shop = empty_shop
    id_ = await shop.customer(first_name="Zelda")
    await shop.pay(await shop.order(id_, 900), 900)
    await shop.pool.execute("UPDATE figures SET ltv = 123456")
    await shop.pool.execute("UPDATE customers SET first_name = 'Ganon'")
    async with signed_in(shop) as visitor:
        assert "No replay yet" in (await visitor.get(PATH)).text
        assert '<strong class="num">3</strong> events' in (await visitor.get(f"{PATH}/new")).text
        path = await started(visitor)
        await ended(visitor, path)
        page = (await visitor.get(path)).text
        replay = done(await shop.get(f"/replays/{path.rpartition('/')[2]}"))["replay"]
        assert [table["rows"] for table in replay["differences"].values()] == [1, 1, 1, 0, 0, 0, 0]
        assert "<del>$1,234.56</del>" in page
        assert "<ins>$9.00</ins>" in page
        assert "personal, not shown" in page
        assert not re.search("Zelda|Ganon", page)
        assert 'Of <strong class="num">3</strong> rebuilt rows <strong class="num">2</strong> have other values' in page
        for act, status, ltv in (("swap", "swapped", 900), ("rollback", "rolled_back", 123456)):
            answer = await visitor.post(f"{path}/{act}", await visitor.hidden(path))
            assert (answer.status_code, answer.headers["location"]) == (303, path)
            assert f"state-{status}" in (await visitor.get(path)).text
            assert (await shop.shown(id_))["ltv"] == ltv
        again = await visitor.post(f"{path}/swap", await visitor.hidden(path))
        assert (again.status_code, "cannot be done with a replay that is rolled back" in again.text) == (409, True)
        assert "rolled back</span>" in (await visitor.get(PATH)).text


async def test_a_double_click_starts_one(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        form = await visitor.hidden(f"{PATH}/new") | {"projection": "users", "swap": "never"}
        before = len(done(await shop.get("/replays"))["replays"])
        first = await visitor.post(PATH, form)
        assert (await visitor.post(PATH, form)).status_code == 303
        assert len(done(await shop.get("/replays"))["replays"]) == before + 1
        await ended(visitor, first.headers["location"])


async def test_what_cannot_be_replayed_is_said_where_it_was_typed(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        form = await visitor.hidden(f"{PATH}/new") | {
            "customers": "9-5",
            "from": "x",
            "projection": "",
            "swap": "never",
        }
        answer = await visitor.post(PATH, form)
        assert answer.status_code == 422
        assert 'name="customers" type="text" value="9-5"' in answer.text
        assert 'id="customers-problem"' in answer.text
        assert 'id="from-problem"' in answer.text


async def test_one_runs_at_a_time_and_the_page_says_so(shop: Shop) -> None:
    async with signed_in(shop) as visitor, engine.alone(shop.pool):
        form = await visitor.hidden(f"{PATH}/new") | {"projection": "", "customers": "", "from": "", "swap": "never"}
        answer = await visitor.post(PATH, form)
        assert (answer.status_code, "Another replay is running." in answer.text) == (409, True)


@pytest.mark.parametrize("way", ["signed out", "revoked"])
async def test_a_stream_ends_when_the_session_does(empty_shop: Shop, way: str) -> None:
    shop = empty_shop
    await shop.customer()
    given = done(await shop.post("/credentials", {"login": "ann", "name": "desk", "role": "administrator"}))["data"]
    async with visiting(shop) as visitor, signed_in(shop) as other:
        await visitor.sign_in("ann", given["password"])
        id_ = (await replays.start(shop.store, asked())).replay.id
        path = f"{PATH}/{id_}"
        async with held_ranges(shop.store, shop.dsn, 0):
            shop.app.state.service.jobs.replay(id_)
            await until(lambda: engine.is_running(shop.pool), "it runs")
            following = asyncio.create_task(visitor.get(f"{path}/progress"))
            page = (await other.get(path)).text
            assert f'data-follow="{path}/progress"' in page
            if way == "signed out":
                await visitor.post("/console/logout", await visitor.hidden(PATH))
            else:
                await shop.delete(f"/credentials/{given['uuid']}")
            answer = await asyncio.wait_for(following, PATIENCE)
            assert "event: end" not in answer.text
            await other.post(f"{path}/cancel", await other.hidden(path))
        await ended(other, path)
        assert "state-cancelled" in (await other.get(path)).text
