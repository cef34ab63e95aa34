"""`custodiary credentials`: application passwords for the API."""

from collections.abc import Iterator
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Column

from api.cli.terminal.output import console, print_report, say, table
from api.cli.terminal.session import with_store
from api.presentation.users import credential
from eventstore.store import Store
from service.credentials import passwords as stored_credentials
from service.credentials.auth import is_login
from service.credentials.passwords import Listed
from service.credentials.roles import PERMISSIONS, Role


def add(user: str, *, role: Role, name: str, permission: list[str] | None) -> None:
    if not is_login(user):
        raise typer.BadParameter("A login is ASCII, without a colon.", param_hint="USER")
    if beyond := set(permission or ()) - PERMISSIONS[role]:
        raise typer.BadParameter(f"The role has no permission {', '.join(sorted(beyond))}.", param_hint="--permission")
    added = with_store(lambda store: stored_credentials.add(store.pool, user, role, name, permission))
    say(added.password)


def show_all(*, as_json: bool) -> None:
    listed = with_store(lambda store: stored_credentials.listed(store.pool))
    if as_json:
        print_report({"credentials": [credential(each) for each in listed]})
        return
    whole = Column("uuid", no_wrap=True)  # what `revoke` asks for
    shown = table(whole, "user", "what it is", padding=(0, 1, 0, 0))
    for each in listed:
        shown.add_row(str(each.uuid), escape(each.login), escape("\n".join(_lines(each))))
    console.print(shown)


def _lines(listed: Listed) -> Iterator[str]:
    """A credential in lines: beside a uuid a terminal of 80 columns has room for little else."""
    yield listed.name
    yield listed.role if listed.permissions == PERMISSIONS[listed.role] else f"{listed.role}, narrowed"
    yield f"since {listed.created_at:%Y-%m-%d %H:%M}"
    if listed.last_used_at:
        yield f"last used {listed.last_used_at:%Y-%m-%d %H:%M}"
        yield f"from {listed.last_used_from}"


def revoke(uuid: UUID) -> None:
    async def work(store: Store) -> None:
        async with store.pool.acquire() as connection, connection.transaction():
            await stored_credentials.revoke(connection, uuid)
        await stored_credentials.everywhere()

    with_store(work)
    say("Revoked.")
