"""What several commands can be told."""

import re
from typing import Annotated, TypeAlias

import typer

from projections.ranges import Range

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Customers: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ID|FIRST-LAST", help="Only this customer, or those from one id to another.")
]


def customers_in(text: str) -> Range:
    """Of `--customers`. Raises typer.BadParameter."""
    found = re.fullmatch(r"([1-9][0-9]{0,15})(?:-([1-9][0-9]{0,15}))?", text)
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise typer.BadParameter("An id, or two with a hyphen between.", param_hint="--customers")
    return Range("customer", int(found[1]), int(found[2] or found[1]))
