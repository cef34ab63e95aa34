"""`custodiary history`, `explain` and `verify`: what happened, why a figure is what it is, and whether it is right."""

from typing import Annotated

import typer

from api.cli.syntax.options import Customers, Id, Json, Verbose

PAGE = 199


def history(
    customer_id: Annotated[int | None, typer.Argument(min=1, metavar="[ID]", help="A customer; without, all.")] = None,
    *,
    type_: Annotated[str | None, typer.Option("--type", help="Such as customer-renamed.")] = None,
    actor: Annotated[str | None, typer.Option(help="The login of who did it.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="A day from whose start, or a time, in UTC.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="A day through whose end, or a time, in UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many events, newest first.")] = PAGE,
    cursor: Annotated[int | None, typer.Option(min=1, help="Go on from where a page ended.")] = None,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Show what happened to a customer and its orders, or in the whole store."""
    from api.cli.actions import looking

    looking.history(
        customer_id, type_=type_, actor=actor, since=since, until=until, limit=limit, cursor=cursor, as_json=as_json
    )


def explain(customer_id: Id, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Show how a customer's lifetime value comes from its orders."""
    from api.cli.actions import looking

    looking.explain(customer_id, as_json=as_json)


def verify(
    *,
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many customers, drawn at random.")] = None,
    customers: Customers = None,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Compare customers' stored figures with what their events give, by a fold and by SQL."""
    from api.cli.actions import checking

    checking.verify(sample=sample, customers=customers, as_json=as_json)
