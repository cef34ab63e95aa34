"""Replays over HTTP: started here, run by a process of their own, and looked at, swapped, rolled back or cancelled."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.params import FromPath
from litestar.response import ServerSentEvent
from msgspec import Struct

from api.handling.following import Seen, following
from api.handling.serving import AnyRequest, id_in_path, is_still_authenticated, serving
from api.handling.writes import Outcome, carry_out
from api.http.answer import Answer, answer
from api.http.reasons import Reason
from api.http.refusals import TooMany
from api.http.request import read
from api.http.turns import RETRY_AFTER
from api.openapi.operation import get, post
from api.presentation.figures import ShownWhatIf, what_if_view
from api.presentation.replays import ReplaysListed, ShownReplay, replay_view
from eventstore.postgres.connection import Session
from eventstore.store import Store, Unit
from projections.replay.engine import NotReadyError, ReplayRunningError
from projections.replay.exchange import NothingToRollBackError, ReplayStuckError
from projections.replay.registry import ENDED, ReplayNotFoundError, ReplayRequest
from service import figures, replays
from service.fields.input import Nothing
from service.fields.replay import ReplayWanted
from service.replays import ReplayState

GROUP = "Replays"
PATH = "/replays/{replay_id:str}"
LISTED = 100
UNREADY = NotReadyError("cancelled")
EXCHANGED = ReplayNotFoundError, ReplayRunningError, UNREADY, ReplayStuckError


class OneReplay(Struct):
    replay: ShownReplay


class ReplayTold(Struct):
    message: str
    data: ShownReplay


class WhatIfTold(Struct):
    message: str
    data: ShownWhatIf


@post(
    "/replays", "Rebuild read models beside the live ones", GROUP, "replays/manage", takes=ReplayWanted,
    answers=(ReplayTold, WhatIfTold), refuses=(ReplayRunningError, TooMany(RETRY_AFTER, Reason.BUSY)),
)  # fmt: skip
async def start_replay(request: AnyRequest) -> Answer:
    """All of them unless one is named, of all customers unless some are. Compared with the live ones, and put in their
    place when `swap` says so: `never` (then that waits to be asked for), `equal`, `always`. With `what_if` nothing is
    rebuilt: the answer tells what all customers' figures would be under another rule.
    """
    wanted = await read(request, ReplayWanted)
    if wanted.what_if is not None:
        return await _what_if(request, wanted.what_if)
    return await _start(request, wanted.asked(request.user.user))


async def _start(request: AnyRequest, asked: ReplayRequest) -> Answer:
    service, started = serving(request), list[int]()

    async def work(_unit: Unit) -> ReplayTold:
        state = await replays.start(service.store, asked)
        started.append(state.replay.id)
        return ReplayTold("Replay started.", replay_view(state))

    response = await carry_out(request, work, _result)
    for id_ in started:
        service.jobs.replay(id_)
    return response


async def _what_if(request: AnyRequest, rule: str) -> Answer:
    """Who would move, and by how much: nothing is rebuilt, and nothing live is touched."""
    service = serving(request)

    async def work(_unit: Unit) -> WhatIfTold:
        async with service.turns.turn():
            report = await figures.what_if(service.store, rule)
        return WhatIfTold(f"Figures under {rule}. Nothing was changed.", what_if_view(report))

    return await carry_out(request, work, _result)


@get("/replays", "List replays", GROUP, "replays/manage", answers=ReplaysListed)
async def list_replays(request: AnyRequest) -> Answer:
    """The newest first, running and ended."""
    return answer(ReplaysListed(list(map(replay_view, await replays.newest(serving(request).store, LISTED)))))


@get(PATH, "Get a replay", GROUP, "replays/manage", answers=OneReplay, refuses=ReplayNotFoundError)
async def get_replay(request: AnyRequest, replay_id: FromPath[str]) -> Answer:
    """How far it is, and what differs, with samples."""
    return answer(OneReplay(replay_view(await replays.find(serving(request).store, id_in_path(replay_id)))))


@get(
    f"{PATH}/progress", "Follow a replay, as server-sent events", GROUP, "replays/manage", answers=ShownReplay,
    refuses=ReplayNotFoundError, streams=("progress", "end"),
)  # fmt: skip
async def follow_replay(request: AnyRequest, replay_id: FromPath[str]) -> ServerSentEvent:
    """Each `progress` event has the replay as JSON, whenever that has changed; the last one is `end`. It breaks off
    when the credential is revoked.
    """
    look = looking_at(serving(request).store, id_in_path(replay_id))
    await look()
    return ServerSentEvent(following(look, lambda: is_still_authenticated(request)))


def looking_at(store: Store, id_: int) -> Callable[[], Awaitable[Seen]]:
    """How far a replay is. Raises ReplayNotFoundError."""

    async def look() -> Seen:
        replay = replay_view(await replays.find(store, id_))
        return Seen(replay, replay.status in ENDED)

    return look


@post(
    f"{PATH}/swap", "Put rebuilt rows in the place of the live", GROUP, "replays/manage", takes=Nothing,
    answers=ReplayTold, refuses=EXCHANGED,
)  # fmt: skip
async def swap_replay(request: AnyRequest, replay_id: FromPath[str]) -> Answer:
    """With all that has happened since; the former rows are kept for a rollback until another replay is swapped."""
    return await _done(request, replay_id, replays.swap, "Replay swapped.")


@post(
    f"{PATH}/rollback", "Put the former rows back", GROUP, "replays/manage", takes=Nothing, answers=ReplayTold,
    refuses=(*EXCHANGED, NothingToRollBackError),
)  # fmt: skip
async def roll_back_replay(request: AnyRequest, replay_id: FromPath[str]) -> Answer:
    """The rows that a swap has replaced come back, with everything that has happened since."""
    return await _done(request, replay_id, replays.roll_back, "Replay rolled back.")


@post(
    f"{PATH}/cancel", "Cancel a replay", GROUP, "replays/manage", takes=Nothing, answers=ReplayTold,
    refuses=(ReplayNotFoundError, UNREADY),
)  # fmt: skip
async def cancel_replay(request: AnyRequest, replay_id: FromPath[str]) -> Answer:
    """At any moment before it is swapped; nothing of it stays but its entry here."""
    return await _done(request, replay_id, replays.cancel, "Replay cancelled.")


async def _done(
    request: AnyRequest, replay_id: str, act: Callable[[Store, int], Awaitable[ReplayState]], message: str
) -> Answer:
    await read(request, Nothing)

    async def work(_unit: Unit) -> ReplayTold:
        return ReplayTold(message, replay_view(await act(serving(request).store, id_in_path(replay_id))))

    return await carry_out(request, work, _result)


async def _result(_session: Session, body: Struct) -> Outcome:
    return Outcome(body)


HANDLERS: list[Any] = [
    start_replay, list_replays, get_replay, follow_replay, swap_replay, roll_back_replay, cancel_replay,
]  # fmt: skip
