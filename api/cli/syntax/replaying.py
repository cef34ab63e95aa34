"""`custodiary replay` and `custodiary replays`: rebuilding read models, and what came of it."""

from typing import Annotated

import typer

from api.cli.syntax.options import Customers, Id, Json, Verbose, group
from projections.tables.swap import Swap

replays = group("Replays that were made, or wait to be swapped.")


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
        str | None, typer.Option(metavar="RULE", help="Only print what the figures would be under another rule.")
    ] = None,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Rebuild read models from events beside the live ones, and compare; --swap puts them in their place.

    Ctrl-C leaves no trace. One that was killed is gone on with by the same command.
    """
    from api.cli.actions import replaying

    replaying.replay(
        projection=projection,
        customers=customers,
        since=since,
        swap=swap,
        workers=workers,
        what_if=what_if,
        as_json=as_json,
    )


@replays.command("list")
def list_replays(*, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Replays, newest first."""
    from api.cli.actions import replaying

    replaying.list_replays(as_json=as_json)


@replays.command("show")
def show_replay(id_: Id, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """What it found."""
    from api.cli.actions import replaying

    replaying.show_replay(id_, as_json=as_json)


@replays.command("swap")
def swap_replay(id_: Id, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Put rebuilt rows in the place of the live ones, with all that has happened since."""
    from api.cli.actions import replaying

    replaying.swap_replay(id_, as_json=as_json)


@replays.command("rollback")
def roll_back_replay(id_: Id, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Put the former rows back, with all that has happened since."""
    from api.cli.actions import replaying

    replaying.roll_back_replay(id_, as_json=as_json)


@replays.command("cancel")
def cancel_replay(id_: Id, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """End it, wherever it runs."""
    from api.cli.actions import replaying

    replaying.cancel_replay(id_, as_json=as_json)
