"""Options and arguments of several commands."""

from typing import Annotated, TypeAlias

import typer


def group(help_: str) -> typer.Typer:
    """A group of commands. Plain help fits any terminal, and costs a fifth of a second less than a drawn one."""
    return typer.Typer(help=help_, no_args_is_help=True, rich_markup_mode=None)


def _name_the_store(wanted: bool) -> None:
    if wanted:
        from api.cli.terminal.naming import tell_the_store

        tell_the_store()


Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Verbose: TypeAlias = Annotated[
    bool, typer.Option("--verbose", "-v", callback=_name_the_store, help="Say on which store it works.")
]
Customers: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ID|FIRST-LAST", help="Only this customer, or those from one id to another.")
]
Id: TypeAlias = Annotated[int, typer.Argument(min=1, metavar="ID")]
