"""What `--customers` means."""

import typer

from projections.fold.ranges import Range, customers_named


def customers_in(text: str) -> Range:
    """Raises typer.BadParameter."""
    named = customers_named(text)
    if named is None:
        raise typer.BadParameter("An id, or two with a hyphen between.", param_hint="--customers")
    return named
