"""Replays: started, followed, swapped, rolled back or cancelled, by dialogs that give figures of what they do."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

from litestar import get, post
from litestar.params import FromPath
from litestar.response import ServerSentEvent

from api.console.door import is_still_signed_in, needs
from api.console.filters import money
from api.console.forms import NEW, FilledForm, read_sent, refused_form, submit
from api.console.pages import page
from api.handling.following import following
from api.handling.serving import AnyRequest, id_in_path, serving
from api.http.html import Html, see_other
from api.http.paths import CONSOLE
from api.presentation.replays import ShownReplay, replay_view
from api.rest.replays import LISTED, looking_at
from eventstore.store import Store, Unit
from projections.replay.registry import BUILDING
from projections.tables.swap import Swap
from service import replays
from service.fields.reader import Fields
from service.fields.replay import NAMES, ReplayWanted
from service.replays import Extent, ReplayState

PATH = f"{CONSOLE}/replays"
MODELS = [("", "All read models"), *((name, name.capitalize()) for name in NAMES)]
SWAPS: dict[Swap, str] = {"never": "when I say so", "equal": "if nothing differs", "always": "in any case"}
MONEY = {("figures", "ltv"), ("figures", "aov")}
CANCELLABLE = {*BUILDING, "ready", "interrupted"}


class ReplayListView(NamedTuple):
    replays: list[ShownReplay]


class NewReplayView(NamedTuple):
    form: FilledForm
    models: list[tuple[str, str]]
    swaps: list[tuple[str, str]]
    extent: Extent


class ValueBeside(NamedTuple):
    """A value of a row, stored and rebuilt: None where it could name a person. Without a column it is about the row."""

    table: str
    id: int
    column: str
    stored: str | None
    rebuilt: str | None

    @property
    def is_of_customer(self) -> bool:
        return self.table in {"figures", "customers"}


class ReplayView(NamedTuple):
    """Rows of all read models together; `beside` has some of those that are unlike."""

    replay: ShownReplay
    is_building: bool
    is_cancellable: bool
    rows: int
    differing: int
    missing: int
    surplus: int
    beside: list[ValueBeside]
    form: FilledForm

    @property
    def unlike(self) -> int:
        return self.differing + self.missing + self.surplus


@get("/replays", opt=needs("replays/manage"))
async def show_replays(request: AnyRequest) -> Html:
    found = await replays.newest(serving(request).store, LISTED)
    return page(request, "replays.html", ReplayListView(list(map(replay_view, found))), api="/replays")


@get("/replays/new", opt=needs("replays/manage"))
async def show_new_replay(request: AnyRequest) -> Html:
    return await _new(request, NEW)


async def _new(request: AnyRequest, form: FilledForm) -> Html:
    view = NewReplayView(form, MODELS, [*SWAPS.items()], await replays.extent(serving(request).store))
    return page(request, "replay_new.html", view, status=form.status)


@post("/replays", status_code=303, opt=needs("replays/manage"))
async def start_replay(request: AnyRequest) -> Html:
    started: list[int] = []
    if (form := await refused_form(request, lambda: _start(request, started))) is not None:
        return await _new(request, form)
    for id_ in started:
        serving(request).jobs.replay(id_)
    return see_other(f"{PATH}/{started[0]}" if started else PATH)


async def _start(request: AnyRequest, started: list[int]) -> None:
    wanted = ReplayWanted.checked(Fields(_filled_in(await read_sent(request))), "")
    asked = wanted.asked(request.user.user)

    async def work(_unit: Unit) -> None:
        started.append((await replays.start(serving(request).store, asked)).replay.id)

    await submit(request, work)


def _filled_in(sent: Any) -> dict[str, str]:
    """Fields of the form in which there is something: the others are not asked for, as in a request without them."""
    names = ("projection", "customers", "from", "swap")
    return {name: value for name in names if (value := str(sent.get(name, "")).strip())}


@get("/replays/{replay_id:str}", opt=needs("replays/manage"))
async def show_replay(request: AnyRequest, replay_id: FromPath[str]) -> Html:
    return await _shown(request, replay_id, NEW)


async def _shown(request: AnyRequest, replay_id: str, form: FilledForm) -> Html:
    service, id_ = serving(request), id_in_path(replay_id)
    view = replay_page(replay_view(await replays.find(service.store, id_)), service.settings.store_currency, form)
    return page(request, "replay.html", view, status=form.status, api=f"/replays/{id_}")


def replay_page(replay: ShownReplay, currency: str, form: FilledForm = NEW) -> ReplayView:
    tables = [*(replay.differences or {}).values()]
    return ReplayView(
        replay,
        is_building=replay.status in BUILDING,
        is_cancellable=replay.status in CANCELLABLE,
        rows=sum(table.rows for table in tables),
        differing=sum(table.differing for table in tables),
        missing=sum(table.missing for table in tables),
        surplus=sum(table.surplus for table in tables),
        beside=list(_beside(replay, currency)),
        form=form,
    )


def _beside(replay: ShownReplay, currency: str) -> Iterator[ValueBeside]:
    for name, table in (replay.differences or {}).items():
        for row in table.samples:
            if row.problem != "differs":
                there = ("missing", "present") if row.problem == "missing" else ("present", "missing")
                yield ValueBeside(name, row.id, "", *there)
            for column, pair in row.columns.items():
                texts = [_text(name, column, value, currency) for value in pair] if pair else (None, None)
                yield ValueBeside(name, row.id, column, *texts)


def _text(table: str, column: str, value: Any, currency: str) -> str:
    if value is None:
        return "none"
    return money(value, currency) if (table, column) in MONEY else str(value)


@get("/replays/{replay_id:str}/progress", opt=needs("replays/manage"))
async def follow_replay(request: AnyRequest, replay_id: FromPath[str]) -> ServerSentEvent:
    look = looking_at(serving(request).store, id_in_path(replay_id))
    await look()
    return ServerSentEvent(following(look, lambda: is_still_signed_in(request)))


@post("/replays/{replay_id:str}/swap", status_code=303, opt=needs("replays/manage"))
async def swap_replay(request: AnyRequest, replay_id: FromPath[str]) -> Html:
    return await _done(request, replay_id, replays.swap)


@post("/replays/{replay_id:str}/rollback", status_code=303, opt=needs("replays/manage"))
async def roll_back_replay(request: AnyRequest, replay_id: FromPath[str]) -> Html:
    return await _done(request, replay_id, replays.roll_back)


@post("/replays/{replay_id:str}/cancel", status_code=303, opt=needs("replays/manage"))
async def cancel_replay(request: AnyRequest, replay_id: FromPath[str]) -> Html:
    return await _done(request, replay_id, replays.cancel)


async def _done(request: AnyRequest, replay_id: str, act: Callable[[Store, int], Awaitable[ReplayState]]) -> Html:
    id_, store = id_in_path(replay_id), serving(request).store
    form = await refused_form(request, lambda: submit(request, lambda _unit: act(store, id_)))
    return see_other(f"{PATH}/{id_}") if form is None else await _shown(request, replay_id, form)


ROUTES: list[Any] = [
    show_replays, show_new_replay, start_replay, show_replay, follow_replay, swap_replay, roll_back_replay,
    cancel_replay,
]  # fmt: skip
