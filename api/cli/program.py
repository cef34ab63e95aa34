"""The commands of `custodiary`."""

from pathlib import Path
from typing import Annotated

import typer

from api import __version__
from api.cli.syntax import looking, privacy, replaying
from api.cli.syntax.auditing import audit
from api.cli.syntax.credentials import credentials
from api.cli.syntax.imports import imports
from api.cli.syntax.keys import keys
from api.cli.syntax.options import Verbose
from api.cli.syntax.relaying import relay
from api.cli.terminal import exits
from api.cli.terminal.typed import program

app = typer.Typer(
    help=f"A customer service that remembers. {exits.HELP}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # as in groups
)
app.add_typer(imports, name="import")
app.add_typer(credentials, name="credentials")
app.add_typer(keys, name="keys")
app.command()(replaying.replay)
app.add_typer(replaying.replays, name="replays")
app.add_typer(audit, name="audit")
app.add_typer(relay, name="relay")
app.command()(looking.verify)
app.command()(looking.history)
app.command()(looking.explain)
app.command()(privacy.export)
app.command()(privacy.erase)
app.command()(privacy.erasure)


def main() -> None:
    """What is wrong with the surroundings ends in one line, what is wrong with us in a traceback."""
    try:
        app(prog_name=program())
    except Exception as error:
        from api.cli.complaints import end_for

        end_for(error)
        raise


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


@app.callback()
def custodiary(*, _version: Version = False, _verbose: Verbose = False) -> None:
    pass


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    sample: Annotated[bool, typer.Option("--sample", help="Load the sample into an empty store first.")] = False,
    _verbose: Verbose = False,
) -> None:
    """Serve the API until Ctrl-C."""
    from api.cli.actions.serve import serve as run_service

    run_service(host=host, port=port, workers=workers, sample=sample)


Backup = Annotated[Path, typer.Argument(metavar="DIR")]
KeysDirectory = Annotated[
    Path | None, typer.Option("--keys", metavar="DIR", help="Where the file of keys is, if not beside the other.")
]


@app.command()
def backup(directory: Backup, *, keys_directory: KeysDirectory = None, _verbose: Verbose = False) -> None:
    """Back the store up into two files, events and keys, while it is in use; they are restored once, to verify them."""
    from api.cli.actions.backups import backup as back_up

    back_up(directory, keys_directory)


@app.command()
def restore(directory: Backup, *, keys_directory: KeysDirectory = None, _verbose: Verbose = False) -> None:
    """Make a store of a backup. Whoever was erased since is erased again, where newer keys show it."""
    from api.cli.actions.backups import restore as restore_store

    restore_store(directory, keys_directory)


@app.command()
def migrate(*, _verbose: Verbose = False) -> None:
    """Make a store, or bring it up to date."""
    from api.cli.terminal.session import make_store

    make_store()
