"""`custodiary import`: files of orders and exports of shops."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import typer

from api.cli.terminal import exits
from api.cli.terminal.output import print_report, progress_bar, say, written
from api.cli.terminal.session import with_store
from api.process.settings import Settings
from eventstore.store import By
from service.fields.convert import Unfit
from service.importing.files import ImportFileError
from service.importing.fluentcart.shop import import_fluentcart
from service.importing.orders_csv.orders import import_orders
from service.importing.orders_csv.rates import Rates, rates_always, read_rates
from service.importing.report import FigureDifference, Remark, Report

PRINTED = 20  # of each kind of remark, to people


def import_order_file(file: Path, always: Sequence[str], dated: Path | None, *, dry_run: bool, as_json: bool) -> None:
    try:
        rates = Rates(rates_always(always), read_rates(dated) if dated else ())
    except Unfit as error:
        raise typer.BadParameter(f"It {error.problem}", param_hint="--rate") from error
    _import(partial(import_orders, rates=rates), file, dry_run=dry_run, as_json=as_json)


def import_export_file(file: Path, *, dry_run: bool, as_json: bool) -> None:
    _import(import_fluentcart, file, dry_run=dry_run, as_json=as_json)


def _import(work: Callable[..., Coroutine[Any, Any, Report]], file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Ends with exit code 1 when not every row of the file is in the store as it is in the file."""
    _check_readable(file)
    by = By(actor="import", at=datetime.now(UTC))
    with progress_bar(f"Importing {file.name}") as progress:
        currency = Settings.from_environment().store_currency
        asked = partial(work, by=by, path=file, dry_run=dry_run, store_currency=currency, progress=progress)
        report = with_store(asked, make=True)
    if as_json:
        print_report(msgspec.structs.asdict(report) | {"dry_run": dry_run, "complete": report.is_complete})
    else:
        _print(report, dry_run=dry_run)
    raise SystemExit(exits.DONE if report.is_complete else exits.NOT_ALL)


def _check_readable(file: Path) -> None:
    """Before a store is made for it."""
    if not file.is_fifo():
        try:
            file.open("rb").close()
        except OSError as error:
            raise ImportFileError(f"{file}: {error.strerror}") from error


def _print(report: Report, *, dry_run: bool) -> None:
    if report == Report():
        say("There is nothing in the file.")
    did = "Would create" if dry_run else "Created"
    for kind, count in report.created.items():
        say(f"{did} {_counted(count, kind)}.")
    for kind, count in report.already_imported.items():
        say(f"{_counted(count, kind)} {'was' if count == 1 else 'were'} here already.")
    _list("Left out", report.bad, _remark)
    _list("Here already, but different", report.differences, _remark)
    _list("Noted", report.notes, _remark)
    _list("Figures in the export that its orders do not give", report.figures, _figure)


def _counted(count: int, kind: str) -> str:
    return f"{count} {_one(kind) if count == 1 else kind}"


def _one(kind: str) -> str:
    return "address" if kind == "addresses" else kind.removesuffix("s")


def _list(title: str, found: Sequence[Any], shown: Callable[[Any], str]) -> None:
    if found:
        say(f"{title}: {len(found)}")
        for each in found[:PRINTED]:
            say(f"  {shown(each)}")
        if len(found) > PRINTED:
            say(f"  … and {len(found) - PRINTED} more, which --json shows.")


def _remark(remark: Remark) -> str:
    where = ", ".join([*([f"line {remark.line}"] if remark.line else []), *([remark.row] if remark.row else [])])
    return f"{where}: {remark.message}" if where else remark.message


def _figure(figure: FigureDifference) -> str:
    exported, computed = written(figure.exported), written(figure.from_orders)
    return f"customer {figure.customer_id}: {figure.figure} is {exported} in the export, its orders give {computed}"
