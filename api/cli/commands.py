"""The commands of `custodiary`."""

import logging
from importlib.metadata import version
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Column, Table

from api.access import credentials as stored_credentials
from api.access.auth import PERMISSIONS, Role, is_login
from api.application_passwords import credential
from api.cli import checking, exits, privacy
from api.cli.auditing import audit
from api.cli.imports import imports
from api.cli.keys import keys
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
app.add_typer(keys, name="keys")
app.command()(replay)
app.add_typer(replays, name="replays")
app.add_typer(audit, name="audit")
app.command()(checking.verify)
app.command()(history)
app.command()(explain)
app.command()(privacy.export)
app.command()(privacy.erase)
app.command()(privacy.erasure)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def main() -> None:
    for name in ("asyncpg", "custodiary.database"):  # what they log of a lost connection, the command fails for
        logging.getLogger(name).addHandler(logging.NullHandler())
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
    permission: Annotated[
        list[str] | None, typer.Option(help="Only this of what the role may do; may be repeated.")
    ] = None,
) -> None:
    """Make an application password. It is shown this once."""
    if not is_login(user):
        raise typer.BadParameter("A login is ASCII, without a colon.", param_hint="USER")
    if beyond := set(permission or ()) - PERMISSIONS[role]:
        raise typer.BadParameter(f"The role has no permission {', '.join(sorted(beyond))}.", param_hint="--permission")
    added = with_store(lambda store: stored_credentials.add(store.pool, user, role, name, permission))
    say(added.password)


@credentials.command("list")
def list_credentials(*, as_json: Json = False) -> None:
    """Show who has application passwords."""
    listed = with_store(lambda store: stored_credentials.listed(store.pool))
    if as_json:
        print_json([credential(each) for each in listed])
        return
    # However narrow the terminal, nothing is cut off, and what `revoke` asks for is in one piece.
    folded = (Column(title, overflow="fold") for title in ("user", "name", "role", "since", "last used", "from"))
    table = Table(Column("uuid", no_wrap=True), *folded, box=None, padding=(0, 1, 0, 0))
    for each in listed:
        role = each.role if each.permissions == PERMISSIONS[each.role] else f"{each.role}, narrowed"
        since, used = (f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (each.created_at, each.last_used_at))
        row = (str(each.uuid), each.login, each.name, role, since, used, each.last_used_from or "")
        table.add_row(*map(escape, row))
    console.print(table)


@credentials.command("revoke")
def revoke_credential(uuid: UUID) -> None:
    """End an application password, as `list` names it. When this is done, no service lets it in any more."""

    async def work(store: Store) -> None:
        async with store.pool.acquire() as connection, connection.transaction():
            await stored_credentials.revoke(connection, uuid)
        await stored_credentials.everywhere()

    with_store(work)
    say("Revoked.")
