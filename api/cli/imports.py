"""`custodiary import`: files of orders and exports of shops."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from api.cli import exits
from api.cli.output import print_json, progress_bar, say, written
from api.cli.session import with_store
from api.importing.fluentcart import import_fluentcart
from api.importing.orders import import_orders
from api.importing.report import FigureDifference, Remark, Report
from eventstore.transact import By

imports = typer.Typer(help="Bring customers and orders in.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON, with every row in it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")]
File = Annotated[Path, typer.Argument(help="Plain, or packed with gzip.")]
SHOWN = 20  # of each kind of remark, to people


@imports.command("orders")
def import_order_file(file: File, *, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Import a CSV of orders, and the customers that are missing. Importing it again changes nothing.

    Its columns: order_id, email, first_name, last_name, created_at, currency, total_amount, total_paid, total_refund,
    payment_status, status, invoice_no, and if you like rate. Amounts in cents, times in UTC.
    """
    _import(import_orders, file, dry_run=dry_run, as_json=as_json)


@imports.command("fluentcart")
def import_export_file(file: File, *, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Import a FluentCart export, a JSON object of tables, with its ids. Importing it again changes nothing.

    Its tables: wp_users, labels, customers, addresses, label_relationships, orders, order_items, order_transactions,
    order_addresses. Says where the export's own figures differ from those that its orders give.
    """
    _import(import_fluentcart, file, dry_run=dry_run, as_json=as_json)


def _import(work: Callable[..., Coroutine[Any, Any, Report]], file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Ends with exit code 1 when not every row of the file is in the store as it is in the file."""
    by = By(actor="import", at=datetime.now(UTC))
    with progress_bar(f"Importing {file.name}") as progress:
        report = with_store(lambda store: work(store, by, file, dry_run=dry_run, progress=progress))
    if as_json:
        print_json(msgspec.structs.asdict(report) | {"dry_run": dry_run, "complete": report.is_complete})
    else:
        _print(report, dry_run=dry_run)
    raise SystemExit(exits.DONE if report.is_complete else exits.NOT_ALL)


def _print(report: Report, *, dry_run: bool) -> None:
    if report == Report():
        say("There is nothing in the file.")
    did = "Would create" if dry_run else "Created"
    for kind, count in report.created.items():
        say(f"{did} {count} {kind}.")
    for kind, count in report.already_imported.items():
        say(f"{count} {kind} were here already.")
    _list("Left out", report.bad, _remark)
    _list("Here already, but different", report.differences, _remark)
    _list("Noted", report.notes, _remark)
    _list("Figures in the export that its orders do not give", report.figures, _figure)


def _list(title: str, found: Sequence[Any], shown: Callable[[Any], str]) -> None:
    if found:
        say(f"{title}: {len(found)}")
        for each in found[:SHOWN]:
            say(f"  {shown(each)}")
        if len(found) > SHOWN:
            say(f"  … and {len(found) - SHOWN} more, which --json shows.")


def _remark(remark: Remark) -> str:
    place = [f"line {remark.line}"] if remark.line else []
    return f"{', '.join([*place, remark.row] if remark.row else place)}: {remark.message}"


def _figure(figure: FigureDifference) -> str:
    said, given = written(figure.exported), written(figure.from_orders)
    return f"customer {figure.customer_id}: {figure.figure} is {said} in the export, its orders give {given}"
