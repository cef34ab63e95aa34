"""`custodiary replay` and `custodiary replays`: rebuilding read models, and what came of it."""

from collections.abc import Awaitable, Callable

import typer
from rich.markup import escape

from api.cli.actions.checking import what_if as print_what_if
from api.cli.terminal import exits
from api.cli.terminal.output import console, print_report, progress_bar, say, table
from api.cli.terminal.ranges import customers_in
from api.cli.terminal.session import who, with_store, with_store_at
from api.cli.terminal.typed import typed
from api.presentation.replays import ReplaysListed, ShownReplay, replay_view
from eventstore.store import Store
from projections.replay.registry import ReplayNotFoundError, ReplayRequest
from projections.tables.swap import Swap
from service import replays
from service.fields.replay import NAMES, OF_CUSTOMERS
from service.replays import ReplayState

LISTED = 20
PRINTED = 10  # of what can't be applied, to people


def replay(
    *,
    projection: str | None,
    customers: str | None,
    since: int | None,
    swap: Swap,
    workers: int,
    what_if: str | None,
    as_json: bool,
) -> None:
    if what_if is not None:
        if projection or customers or since:
            raise typer.BadParameter("It is about all customers' figures.", param_hint="--what-if")
        print_what_if(what_if, as_json=as_json)
    asked = ReplayRequest(
        projections=_names(projection, of_some=customers is not None or since is not None),
        swap=swap,
        customers=None if customers is None else customers_in(customers),
        since=since,
        started_by=who(),
    )

    async def work(store: Store, dsn: str) -> ShownReplay:
        return replay_view(await replays.rebuild(store, asked, progress, dsn=dsn, workers=workers))

    with progress_bar("Replaying", "events") as progress:
        view = with_store_at(work)
    _show(view, as_json=as_json)
    is_rebuilt = view.status == "swapped" or _is_equal(view)
    raise SystemExit(exits.DONE if is_rebuilt and not view.poison else exits.NOT_ALL)


def _names(projection: str | None, *, of_some: bool) -> tuple[str, ...]:
    possible = OF_CUSTOMERS if of_some else NAMES
    if projection is not None and projection not in possible:
        raise typer.BadParameter(f"There is {', '.join(possible)}.", param_hint="--projection")
    return (projection,) if projection else possible


def list_replays(*, as_json: bool) -> None:
    views = list(map(replay_view, with_store(lambda store: replays.newest(store, LISTED))))
    if as_json:
        print_report(ReplaysListed(views))
        return
    shown = table("id", "status", "what", "started", "by")
    for view in views:
        what = "all" if view.projections == list(NAMES) else ", ".join(view.projections)
        shown.add_row(str(view.id), view.status, what, view.started_at, escape(view.started_by))
    console.print(shown)


def show_replay(id_: int, *, as_json: bool) -> None:
    _show(_on(id_, replays.find), as_json=as_json)


def swap_replay(id_: int, *, as_json: bool) -> None:
    _show(_on(id_, replays.swap), as_json=as_json)


def roll_back_replay(id_: int, *, as_json: bool) -> None:
    _show(_on(id_, replays.roll_back), as_json=as_json)


def cancel_replay(id_: int, *, as_json: bool) -> None:
    _show(_on(id_, replays.cancel), as_json=as_json)


def _on(id_: int, work: Callable[[Store, int], Awaitable[ReplayState]]) -> ShownReplay:
    try:
        return replay_view(with_store(lambda store: work(store, id_)))
    except ReplayNotFoundError:
        raise typer.BadParameter(f"There is no replay {id_}.", param_hint="ID") from None


def _is_equal(view: ShownReplay) -> bool:
    tables = (view.differences or {}).values()
    return not any(table.missing or table.surplus or table.differing for table in tables)


def _show(view: ShownReplay, *, as_json: bool) -> None:
    if as_json:
        print_report(view)
        return
    say(f"Replay {view.id} is {view.status.replace('_', ' ')}, at position {view.position}.")
    if view.differences:
        shown = table("read model", "rows", "missing", "surplus", "differing", "in")
        for name, found in view.differences.items():
            columns = ", ".join(f"{column} ({count})" for column, count in found.columns.items())
            numbers = map(str, (found.rows, found.missing, found.surplus, found.differing))
            shown.add_row(name, *numbers, columns)
        console.print(shown)
    for poison in view.poison[:PRINTED]:
        whose = f"{poison.part} {', '.join(map(str, poison.ids))}"
        event = f"position {poison.position} ({poison.topic})"
        say(f"The event at {event} can't be applied: {poison.error}. Left alone: {whose}.")
    if len(view.poison) > PRINTED:
        say(f"… and {len(view.poison) - PRINTED} more, which --json shows.")
    if view.status == "ready":
        say(f"`{typed('replays swap', str(view.id))}` puts the rebuilt rows in the place of the live ones.")
