"""`custodiary credentials`: application passwords for the API."""

from typing import Annotated
from uuid import UUID

import typer

from api.cli.syntax.options import Json, Verbose, group
from service.credentials.roles import Role

credentials = group("Application passwords for the API.")


@credentials.command("add")
def add(
    user: str,
    *,
    role: Annotated[Role, typer.Option(help="What it may do.")],
    name: Annotated[str, typer.Option(help="Tells a user's passwords apart.")] = "default",
    permission: Annotated[
        list[str] | None, typer.Option(help="Only this of what the role may do; may be repeated.")
    ] = None,
    _verbose: Verbose = False,
) -> None:
    """Make an application password. It is shown this once."""
    from api.cli.actions import credentials as work

    work.add(user, role=role, name=name, permission=permission)


@credentials.command("list")
def show_all(*, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Show who has application passwords."""
    from api.cli.actions import credentials as work

    work.show_all(as_json=as_json)


@credentials.command("revoke")
def revoke(uuid: UUID, *, _verbose: Verbose = False) -> None:
    """End an application password, as `list` names it. When this is done, no service lets it in any more."""
    from api.cli.actions import credentials as work

    work.revoke(uuid)
