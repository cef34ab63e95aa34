"""`custodiary audit`: can it be shown that nothing in the log was altered, taken out or put in?"""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.syntax.options import Json, Verbose, group

audit = group("Show that nothing in the log was altered, taken out or put in.")


@audit.command("verify")
def verify(
    *,
    file: Annotated[Path | None, typer.Argument(metavar="DUMP", help="A file of `audit dump`.")] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="A public key that may have signed. By default that of the store.")
    ] = None,
    kept_file: Annotated[
        Path | None,
        typer.Option("--kept", exists=True, dir_okay=False, help="Checkpoints that were stored elsewhere, one a line."),
    ] = None,
    since: Annotated[
        int | None,
        typer.Option(min=1, metavar="CHECKPOINT", help="Only what comes after this one, up to which all was checked."),
    ] = None,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Check every event and every checkpoint. The exit code is 1 when anything is wrong."""
    from api.cli.actions import auditing

    auditing.verify(file=file, keys=key, kept_file=kept_file, since=since, as_json=as_json)


@audit.command("dump")
def write_dump(
    file: Annotated[Path, typer.Argument(help="Is packed when its name ends in .gz.", metavar="FILE")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Also in the place of a file that is larger.")] = False,
    _verbose: Verbose = False,
) -> None:
    """Write all events and checkpoints into a file that `audit verify` checks without a database."""
    from api.cli.actions import auditing

    auditing.write_dump(file, force=force)


@audit.command("checkpoint")
def checkpoint(*, _verbose: Verbose = False) -> None:
    """Sign what is new, and print the newest checkpoint, to be stored where nobody who can change the database is."""
    from api.cli.actions import auditing

    auditing.checkpoint()


@audit.command("key")
def print_key(*, _verbose: Verbose = False) -> None:
    """Print the public key that auditors check signatures with."""
    from api.cli.actions import auditing

    auditing.print_key()
