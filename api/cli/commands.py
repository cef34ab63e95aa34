"""The commands of `custodiary`."""

import logging
from importlib.metadata import version
from typing import Annotated

import typer
from rich.table import Table

from api import credentials as stored_credentials
from api.auth import MAX_USER_LENGTH, Role
from api.cli import checking, exits
from api.cli.imports import imports
from api.cli.looking import explain, history
from api.cli.output import console, print_json, say
from api.cli.replaying import replay, replays
from api.cli.session import with_store
from eventstore.transact import Store

app = typer.Typer(
    help=f"A customer service that remembers. {exits.HELP}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
credentials = typer.Typer(help="Application passwords for the API.", no_args_is_help=True)
app.add_typer(imports, name="import")
app.add_typer(credentials, name="credentials")
app.command()(replay)
app.add_typer(replays, name="replays")
app.command()(checking.verify)
app.command()(history)
app.command()(explain)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def main() -> None:
    logging.getLogger("asyncpg").addHandler(logging.NullHandler())  # what it logs of a lost connection, it raises too
    with exits.plain_errors():
        app()


def _print_version(wanted: bool) -> None:
    if wanted:
        say(version("custodiary"))
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


@app.callback()
def custodiary(*, _version: Version = False) -> None:
    pass


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    sample: Annotated[bool, typer.Option("--sample", help="Load the sample into an empty store first.")] = False,
) -> None:
    """Serve the API until Ctrl-C."""
    from api.cli.serve import serve as run_service  # noqa: PLC0415 - the server takes a while to import

    run_service(host=host, port=port, workers=workers, sample=sample)


@app.command()
def migrate() -> None:
    """Bring the database up to date."""

    async def nothing_more(_store: Store) -> None:
        pass

    with_store(nothing_more)
    say("The database is up to date.")


@credentials.command("add")
def add_credential(
    user: str,
    *,
    role: Annotated[Role, typer.Option(help="What it may do.")],
    name: Annotated[str, typer.Option(help="Tells a user's passwords apart.")] = "default",
) -> None:
    """Make an application password. It is shown this once."""
    if not 0 < len(user) <= MAX_USER_LENGTH or ":" in user or not user.isprintable():
        raise typer.BadParameter("A login has no colon and no control characters.", param_hint="USER")
    password = with_store(lambda store: stored_credentials.add(store.pool, user, role, name))
    say(password)


@credentials.command("list")
def list_credentials(*, as_json: Json = False) -> None:
    """Show who has application passwords."""
    listed = with_store(lambda store: stored_credentials.listed(store.pool))
    if as_json:
        print_json([each._asdict() for each in listed])
        return
    table = Table("user", "name", "role", "since", box=None)
    for each in listed:
        table.add_row(each.login, each.name, each.role, f"{each.created_at:%Y-%m-%d %H:%M}")
    console.print(table)
