"""A short run of what `make bench` does: not how fast it is, but that all of it is measured, and pages say what was."""

from collections.abc import Iterator

import msgspec
import pytest

from api.http.paths import BASE
from benchmarks import appends, feed, growth, imports, lists, streams, web, webhooks
from benchmarks.harness import AT_ONCE, PER_SECOND, Found, Row, Scale, Unavailable, measure
from benchmarks.load import Load, run
from benchmarks.pages import pages
from benchmarks.result import LATEST, read
from benchmarks.server import own_server

TINY = Scale(
    rounds=1, seconds=0.1, concurrencies=(AT_ONCE,), sizes=(40, 80), lengths=(5, 10), events=1_000, shop=AT_ONCE
)
OURS = {appends.LOG_ALONE, appends.CREATE, appends.SET_PRIMARY, appends.PAY}
REQUESTS = {
    *web.REQUESTS, web.AT_REST, web.UNDER_LOAD,
}  # fmt: skip


@pytest.fixture(scope="module")
def fast() -> Iterator[str]:
    """Which benchmarks don't use: what comes of them here is not looked at."""
    with own_server({"fsync": "off"}) as dsn:
        yield dsn


def measured(found: Found) -> set[str]:
    """Names of rows that have a figure above nothing for each round. CPU time counts in steps, and may be none."""
    return {
        row.name
        for row in found.rows
        if row.rounds and all(min(figures) > 0 for name, figures in row.rounds.items() if "CPU" not in name)
    }


async def test_commands_are_measured_beside_pgbench(fast: str) -> None:
    found = await appends.appends(fast, TINY, peers=[appends.PGBENCH, appends.RECORDER])
    assert measured(found) == OURS | {appends.PGBENCH, appends.RECORDER}
    assert {line[0] for line in appends.table(found).lines} == measured(found)


async def test_requests_are_measured_beside_a_bare_handler(fast: str) -> None:
    found = await web.web(fast, TINY)
    assert measured(found) == REQUESTS
    shares = {line[0]: line[3] for line in web.table(found).lines}
    assert {name for name, share in shares.items() if share} == {*web.BESIDE, *web.BESIDE.values()}


async def test_following_is_measured(fast: str) -> None:
    found = await feed.feed(fast, TINY)
    assert measured(found) == {*feed.RELAY.values(), *feed.STREAMS.values(), feed.BARE_STREAM}
    assert {line[0] for line in feed.table(found).lines} == measured(found)


async def test_webhooks_are_measured_beside_bare_posts_and_what_they_cost_a_writer(fast: str) -> None:
    found = await webhooks.webhooks(fast, TINY)
    assert measured(found) == {webhooks.BARE, webhooks.WEBHOOKS, webhooks.ALONE, webhooks.BESIDE}
    assert [line[0] for line in webhooks.table(found).lines] == [webhooks.BARE, webhooks.WEBHOOKS]
    assert [line[0] for line in webhooks.beside_table(found).lines] == [webhooks.ALONE, webhooks.BESIDE]


async def test_growing_stores_and_streams_are_measured(fast: str) -> None:
    grown = await growth.growth(fast, TINY)
    assert {(row.name, row.at) for row in grown.rows} == {
        (name, size) for name in (*growth.COMMANDS, *growth.READS) for size in TINY.sizes
    }
    assert measured(grown) == {*growth.COMMANDS, *growth.READS}
    longer = await streams.streams(fast, TINY)
    assert measured(longer) == {streams.KNOWN, streams.READ}


async def test_imports_and_lists_are_measured(fast: str) -> None:
    assert measured(await imports.imports(fast, TINY)) == {imports.ORDERS}
    found = await lists.lists(fast, TINY)
    assert measured(found) == {name for name, _ in lists.queries()}


async def test_a_request_that_fails_ends_the_measurement(fast: str) -> None:
    with web.served(fast, web.SERVICE, "the password") as site:
        load = Load(site.port, 2, 0.1, 1, [(f"{BASE}/customers/1", "")], headers=site.ask)
        with pytest.raises(RuntimeError, match="answered with 404"):
            await run(load)
        with pytest.raises(RuntimeError, match="answered with 401"):
            await run(msgspec.structs.replace(load, headers={}))


async def test_a_ratio_is_that_of_the_same_round() -> None:
    speeds = {"slow": iter([1.0, 10.0, 100.0]), "fast": iter([2.0, 30.0, 200.0])}

    async def result(speed: Iterator[float]) -> dict[str, float]:
        return {PER_SECOND: next(speed)}

    runs = [(Row(name), lambda _seconds, speed=speed: result(speed)) for name, speed in speeds.items()]
    found = Found(await measure(runs, msgspec.structs.replace(TINY, rounds=3), warm_up=False))
    assert found.median(PER_SECOND, "fast") == 30
    assert found.ratio(PER_SECOND, "fast", "slow") == 2


async def test_a_peer_that_is_not_there_is_named_with_the_reason(fast: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_dsn: str) -> None:
        raise Unavailable("nobody has it")

    monkeypatch.setitem(appends.PEERS, "a peer", missing)
    found = await appends.appends(fast, TINY, peers=["a peer"])
    assert measured(found) == OURS
    assert appends.table(found).remarks == ["Not available: a peer (nobody has it)."]


def test_pages_say_what_was_measured() -> None:
    assert {path: text for path, text in pages(read(LATEST)).items() if path.read_text() != text} == {}
