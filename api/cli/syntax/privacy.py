"""`custodiary export`, `erase` and `erasure`: what is held about a person, its end, and the receipt of that."""

from typing import Annotated

import typer

from api.cli.syntax.options import Id, Json, Verbose


def export(customer_id: Id, *, _verbose: Verbose = False) -> None:
    """Print all that is held about a customer, as JSON."""
    from api.cli.actions import privacy

    privacy.export(customer_id)


def erase(
    customer_id: Id,
    *,
    reason: Annotated[str, typer.Option(help="Why. It stays, so it must not name the person.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Erase a customer for good, with its user, and print the receipt. Nothing brings it back.

    Shows whom, and asks.
    """
    from api.cli.actions import privacy

    privacy.erase(customer_id, reason=reason, yes=yes, as_json=as_json)


def erasure(customer_id: Id, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Print the receipt of an erasure."""
    from api.cli.actions import privacy

    privacy.erasure(customer_id, as_json=as_json)
