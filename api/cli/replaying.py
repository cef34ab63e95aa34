"""`custodiary replay` and `custodiary replays`: rebuilding read models, and what came of it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.cli import exits
from api.cli.checking import what_if as print_what_if
from api.cli.options import Customers, Json, customers_in
from api.cli.output import console, print_json, progress_bar, say
from api.cli.session import who, with_store, with_store_at
from api.replay_input import NAMES, OF_CUSTOMERS
from api.replay_view import replay_view
from eventstore.transact import Store
from projections.replay import engine, registry
from projections.replay.registry import Asked, Replay, Swap

replays = typer.Typer(help="Replays that were made, or wait to be swapped.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(min=1, metavar="ID")]
LISTED = 20
SHOWN = 10  # of what can't be applied, to people


def replay(
    *,
    projection: Annotated[str | None, typer.Option(help="Only this read model, instead of all.")] = None,
    customers: Customers = None,
    since: Annotated[
        int | None,
        typer.Option("--from", min=1, metavar="POSITION", help="Only whom something has happened to from there on."),
    ] = None,
    swap: Annotated[Swap, typer.Option(help="When the rebuilt rows take the place of the live ones.")] = "never",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that fold.")] = 1,
    what_if: Annotated[
        str | None, typer.Option(metavar="RULE", help="Only tell what the figures would be under another rule.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Rebuild read models from events beside the live ones, and compare; --swap puts them in their place.

    Ctrl-C leaves no trace. One that was killed is gone on with by the same command.
    """
    if what_if is not None:
        if projection or customers or since:
            raise typer.BadParameter("It tells of all customers' figures.", param_hint="--what-if")
        print_what_if(what_if, as_json=as_json)
    asked = Asked(
        projections=_names(projection, of_some=customers is not None or since is not None),
        swap=swap,
        customers=None if customers is None else customers_in(customers),
        since=since,
        started_by=who(),
    )

    async def work(store: Store, dsn: str) -> dict[str, Any]:
        id_ = await engine.begin(store, asked)
        return await _view(store, await engine.run(store, id_, progress, dsn=dsn, workers=workers))

    with progress_bar("Replaying", "events") as progress:
        view = with_store_at(work)
    _show(view, as_json=as_json)
    is_rebuilt = view["status"] == "swapped" or _is_equal(view)
    raise SystemExit(exits.DONE if is_rebuilt and not view["poison"] else exits.NOT_ALL)


def _names(projection: str | None, *, of_some: bool) -> tuple[str, ...]:
    possible = OF_CUSTOMERS if of_some else NAMES
    if projection is not None and projection not in possible:
        raise typer.BadParameter(f"There is {', '.join(possible)}.", param_hint="--projection")
    return (projection,) if projection else possible


@replays.command("list")
def list_replays(*, as_json: Json = False) -> None:
    """Newest first."""

    async def work(store: Store) -> list[dict[str, Any]]:
        return [await _view(store, each) for each in await registry.newest(store.pool, LISTED)]

    views = with_store(work)
    if as_json:
        print_json(views)
        return
    table = Table("id", "status", "what", "started", "by", box=None)
    for view in views:
        what = "all" if view["projections"] == list(NAMES) else ", ".join(view["projections"])
        table.add_row(str(view["id"]), view["status"], what, view["started_at"], escape(view["started_by"]))
    console.print(table)


@replays.command("show")
def show_replay(id_: Id, *, as_json: Json = False) -> None:
    """What it found."""
    _show(_on(id_, lambda store: registry.find(store.pool, id_)), as_json=as_json)


@replays.command("swap")
def swap_replay(id_: Id, *, as_json: Json = False) -> None:
    """Put rebuilt rows in the place of the live ones, with all that has happened since."""
    _show(_on(id_, lambda store: engine.swap_ready(store, id_)), as_json=as_json)


@replays.command("rollback")
def roll_back_replay(id_: Id, *, as_json: Json = False) -> None:
    """Put the former rows back, with all that has happened since."""
    _show(_on(id_, lambda store: engine.roll_back_swapped(store, id_)), as_json=as_json)


@replays.command("cancel")
def cancel_replay(id_: Id, *, as_json: Json = False) -> None:
    """End it, wherever it runs."""
    _show(_on(id_, lambda store: engine.cancel(store.pool, id_)), as_json=as_json)


def _on(id_: int, work: Callable[[Store], Awaitable[Replay]]) -> dict[str, Any]:
    async def viewed(store: Store) -> dict[str, Any]:
        return await _view(store, await work(store))

    try:
        return with_store(viewed)
    except registry.ReplayNotFoundError:
        raise typer.BadParameter(f"There is no replay {id_}.", param_hint="ID") from None


async def _view(store: Store, found: Replay) -> dict[str, Any]:
    return await replay_view(store.pool, found, runs=await engine.is_running(store.pool))


def _is_equal(view: dict[str, Any]) -> bool:
    tables = (view["differences"] or {}).values()
    return not any(table["missing"] or table["surplus"] or table["differing"] for table in tables)


def _show(view: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(view)
        return
    say(f"Replay {view['id']} is {view['status'].replace('_', ' ')}, at position {view['position']}.")
    if view["differences"]:
        table = Table("read model", "rows", "missing", "surplus", "differing", "in", box=None)
        for name, found in view["differences"].items():
            columns = ", ".join(f"{column} ({count})" for column, count in found["columns"].items())
            numbers = (str(found[key]) for key in ("rows", "missing", "surplus", "differing"))
            table.add_row(name, *numbers, columns)
        console.print(table)
    for poison in view["poison"][:SHOWN]:
        whose = f"{poison['part']} {', '.join(map(str, poison['ids']))}"
        event = f"position {poison['position']} ({poison['topic']})"
        say(f"The event at {event} can't be applied: {poison['error']}. Left alone: {whose}.")
    if len(view["poison"]) > SHOWN:
        say(f"… and {len(view['poison']) - SHOWN} more, which --json shows.")
    if view["status"] == "ready":
        say(f"`custodiary replays swap {view['id']}` puts the rebuilt rows in the place of the live ones.")
