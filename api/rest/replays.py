"""Replays over HTTP: started here, run by a process of their own, and looked at, swapped, rolled back or cancelled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
from litestar import get, post
from litestar.params import FromPath
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from api.handling.serving import AnyRequest, id_in_path, is_still_authenticated, needs, serving
from api.handling.writes import Shown, carry_out
from api.http.answer import Answer, answer
from api.http.request import read_input, refuse_fields
from api.presentation.encoding import encode
from api.presentation.replays import replay_view
from api.presentation.what_if import what_if_view
from eventstore.log.log import Session
from eventstore.store import Unit
from projections.checks.what_if import what_if as figures_under
from projections.fold.past import EVENTS_AT_ONCE
from projections.replay import engine, registry
from projections.replay.registry import ENDED, Asked
from service import replays
from service.fields.reader import Fields
from service.fields.replay import read_replay, read_what_if

PATH = "/replays/{replay_id:str}"
LISTED = 100
LOOK_SECONDS = 0.5


@post("/replays", opt=needs("replays/manage"), summary="Rebuild read models beside the live ones", status_code=200)
async def start_replay(request: AnyRequest) -> Answer:
    """All of them unless one is named, of all customers unless some are. Compared with the live ones, and put in their
    place when `swap` says so: `never` (then that waits to be asked for), `equal`, `always`. With `what_if` nothing is
    rebuilt: the answer tells what all customers' figures would be under another rule.
    """
    fields = Fields(await read_input(request))
    if (rule := read_what_if(fields)) is not None:
        return await _what_if(request, rule)
    return await _start(request, read_replay(fields, request.user.user))


async def _start(request: AnyRequest, asked: Asked) -> Answer:
    service, started = serving(request), list[int]()

    async def work(_unit: Unit) -> dict[str, Any]:
        id_ = await replays.start(service.store.pool, asked)
        started.append(id_)
        return await _told(service.store.pool, id_, "Replay started.")

    response = await carry_out(request, work, _result)
    for id_ in started:
        service.replays.start(id_)
    return response


async def _what_if(request: AnyRequest, rule: str) -> Answer:
    """Who would move, and by how much: nothing is rebuilt, and nothing live is touched."""
    service = serving(request)

    async def work(_unit: Unit) -> dict[str, Any]:
        async with service.turns.turn():
            report = await figures_under(service.store, rule, engine.unseen, at_once=EVENTS_AT_ONCE)
        return {"message": f"Figures under {rule}. Nothing was changed.", "data": what_if_view(report)}

    return await carry_out(request, work, _result)


@get("/replays", opt=needs("replays/manage"), summary="List replays")
async def list_replays(request: AnyRequest) -> Answer:
    """The newest first, running and ended."""
    pool = serving(request).store.pool
    runs = await engine.is_running(pool)
    found = await registry.newest(pool, LISTED)
    return answer({"replays": [await replay_view(pool, replay, runs=runs) for replay in found]})


@get(PATH, opt=needs("replays/manage"), summary="Get a replay")
async def get_replay(request: AnyRequest, replay_id: FromPath[str]) -> Answer:
    """How far it is, and what differs, with samples."""
    return answer({"replay": await _view(serving(request).store.pool, id_in_path(replay_id))})


@get(f"{PATH}/progress", opt=needs("replays/manage"), summary="Follow a replay, as server-sent events")
async def follow_replay(request: AnyRequest, replay_id: FromPath[str]) -> ServerSentEvent:
    """Each `progress` event has the replay as JSON, whenever that has changed; the last one is `end`. It breaks off
    when the credential is revoked.
    """
    pool, id_ = serving(request).store.pool, id_in_path(replay_id)
    await registry.find(pool, id_)
    return ServerSentEvent(_progress(request, pool, id_))


async def _progress(request: AnyRequest, pool: asyncpg.Pool, id_: int) -> AsyncIterator[ServerSentEventMessage]:
    last = b""
    while True:
        replay = await _view(pool, id_)
        told = encode(replay)
        ended = replay["status"] in ENDED
        if told != last or ended:
            yield ServerSentEventMessage(event="end" if ended else "progress", data=told.decode())
        if ended:
            return
        last = told
        await asyncio.sleep(LOOK_SECONDS)
        if not await is_still_authenticated(request):
            return


@post(f"{PATH}/swap", opt=needs("replays/manage"), summary="Put rebuilt rows in the place of the live", status_code=200)
async def swap_replay(request: AnyRequest, replay_id: FromPath[str]) -> Answer:
    """With all that has happened since; the former rows are kept for a rollback until another replay is swapped."""
    store, id_ = serving(request).store, id_in_path(replay_id)
    return await _done(request, id_, lambda: engine.swap_ready(store, id_), "Replay swapped.")


@post(f"{PATH}/rollback", opt=needs("replays/manage"), summary="Put the former rows back", status_code=200)
async def roll_back_replay(request: AnyRequest, replay_id: FromPath[str]) -> Answer:
    """The rows that a swap has replaced come back, with everything that has happened since."""
    store, id_ = serving(request).store, id_in_path(replay_id)
    return await _done(request, id_, lambda: engine.roll_back_swapped(store, id_), "Replay rolled back.")


@post(f"{PATH}/cancel", opt=needs("replays/manage"), summary="Cancel a replay", status_code=200)
async def cancel_replay(request: AnyRequest, replay_id: FromPath[str]) -> Answer:
    """At any moment before it is swapped; nothing of it stays but its entry here."""
    store, id_ = serving(request).store, id_in_path(replay_id)
    return await _done(request, id_, lambda: engine.cancel(store.pool, id_), "Replay cancelled.")


async def _done(request: AnyRequest, id_: int, act: Callable[[], Awaitable[object]], message: str) -> Answer:
    await refuse_fields(request)

    async def work(_unit: Unit) -> dict[str, Any]:
        await act()
        return await _told(serving(request).store.pool, id_, message)

    return await carry_out(request, work, _result)


async def _view(pool: asyncpg.Pool, id_: int) -> dict[str, Any]:
    return await replay_view(pool, await registry.find(pool, id_), runs=await engine.is_running(pool))


async def _told(pool: asyncpg.Pool, id_: int, message: str) -> dict[str, Any]:
    return {"message": message, "data": await _view(pool, id_)}


async def _result(_connection: Session, body: dict[str, Any]) -> Shown:
    return Shown(body)


HANDLERS: list[Any] = [
    start_replay, list_replays, get_replay, follow_replay, swap_replay, roll_back_replay, cancel_replay,
]  # fmt: skip
