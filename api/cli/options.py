"""What several commands can be told."""

from typing import Annotated, TypeAlias

import typer

from projections.ranges import Range, customers_named

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Customers: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ID|FIRST-LAST", help="Only this customer, or those from one id to another.")
]


def customers_in(text: str) -> Range:
    """Of `--customers`. Raises typer.BadParameter."""
    named = customers_named(text)
    if named is None:
        raise typer.BadParameter("An id, or two with a hyphen between.", param_hint="--customers")
    return named
