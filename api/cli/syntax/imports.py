"""`custodiary import`: files of orders and exports of shops."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from api.cli.syntax.options import Verbose, group

imports = group("Bring customers and orders in.")

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the report as JSON, with every row in it.")]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")]
Rate: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--rate", metavar="EUR=1.08", help="For orders in that currency whose rows give no rate."),
]
RatesFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--rates", metavar="FILE", help="A CSV of date, currency, rate: each holds from its day on."),
]
File: TypeAlias = Annotated[Path, typer.Argument(help="Plain, or packed with gzip.")]


@imports.command("orders")
def import_orders(
    file: File,
    *,
    rate: Rate = None,
    rates: RatesFile = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Import a CSV of orders, and the customers that are missing. Importing it again changes nothing.

    Its columns: order_id, email, first_name, last_name, created_at, currency, total_amount, total_paid, total_refund,
    payment_status, status, invoice_no, and if you like rate. Amounts in cents, times in UTC. A rate is cents of the
    store's currency for one of the order's: 1.08 for EUR in USD, 0.67 for JPY, which has no cents.
    """
    from api.cli.actions import imports as work

    work.import_order_file(file, rate or [], rates, dry_run=dry_run, as_json=as_json)


@imports.command("fluentcart")
def import_fluentcart(file: File, *, dry_run: DryRun = False, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Import a FluentCart export, a JSON object of tables, with its ids. Importing it again changes nothing.

    Its tables: wp_users, labels, customers, addresses, label_relationships, orders, order_items, order_transactions,
    order_addresses. Says where the export's own figures differ from those that its orders give.
    """
    from api.cli.actions import imports as work

    work.import_export_file(file, dry_run=dry_run, as_json=as_json)
