"""Checking figures against the events: do they drift, and what would they be under another rule?"""

import sys
import tempfile
from collections.abc import Iterator
from typing import IO, Any, NoReturn

import msgspec
import typer

from api.cli.terminal import exits
from api.cli.terminal.naming import store_name
from api.cli.terminal.output import console, print_report, progress_bar, say, table
from api.cli.terminal.ranges import customers_in
from api.cli.terminal.session import who, with_store
from api.presentation.figures import what_if_view
from api.presentation.money import figure
from api.presentation.story.words import many, with_ids
from api.process.settings import Settings
from domain.value import RULES
from eventstore.postgres.json import encode_numbers
from projections.checks.jobs import Verification, VerificationRequest
from projections.checks.verify import EVERYONE, Checked
from projections.checks.what_if import WhatIf
from service import figures, verifications
from service.values import shown

WAYS = "stored", "fold", "sql"
TOTALS = "checked", "drifted", "unverified"


def verify(*, sample: int | None, customers: str | None, as_json: bool) -> None:
    if sample is not None and customers is not None:
        raise typer.BadParameter("It is either a sample or a range.", param_hint="--sample")
    whom = EVERYONE if customers is None else customers_in(customers)
    asked = VerificationRequest(customers=whom, sample=sample, started_by=who())
    with tempfile.TemporaryFile() as found:  # until the progress bar has gone: any number of customers may drift
        done = _verify(found, asked)
        totals = {name: getattr(done, name) for name in TOTALS}
        if as_json:
            _write_json(totals, found)
        else:
            _print(totals, found)
    if done.status != "done":
        exits.end(exits.NOT_ALL, f"It was {done.status} before the end.")
    raise SystemExit(exits.NOT_ALL if done.drifted or done.unverified else exits.DONE)


def _verify(found: IO[bytes], asked: VerificationRequest) -> Verification:
    def write(checked: Checked, done: int, total: int) -> None:
        progress(done, total)
        found.writelines(encode_numbers(line) + b"\n" for line in _lines(checked))

    with progress_bar("Verifying") as progress:
        return with_store(lambda store: verifications.verify(store, asked, write))


def _lines(checked: Checked) -> Iterator[dict[str, Any]]:
    for each in checked.differences:
        values = {way: shown(getattr(each, way)) for way in WAYS}
        yield {"customer_id": each.customer_id, "field": each.field, **values}
    for unverified in checked.unverified:
        yield msgspec.to_builtins(unverified)


def _read(found: IO[bytes]) -> Iterator[dict[str, Any]]:
    found.seek(0)
    return map(msgspec.json.decode, found)


def _print(totals: dict[str, int], found: IO[bytes]) -> None:
    currency = Settings.from_environment().store_currency
    for line in _read(found):
        if "field" in line:
            stored, fold, sql = (figure(line["field"], line[way], currency) for way in WAYS)
            values = f"{stored} stored, {fold} by the fold, {sql} by SQL"
            say(f"customer {line['customer_id']}: {line['field']} is {values}")
        else:
            whose = with_ids("customer", line["customer_ids"])
            event = "" if line["position"] is None else f"position {line['position']}, "
            say(f"{whose}: not verified, {event}{line['problem']}")
    checked = many(totals["checked"], "customer")
    say(f"Checked {checked}: {totals['drifted']} with drift, {totals['unverified']} not verified.")


def _write_json(totals: dict[str, int], found: IO[bytes]) -> None:
    """Line by line, as it was found."""
    write = sys.stdout.write
    write(encode_numbers({"store": store_name(), **totals}).decode().removesuffix("}"))
    for name, has_field in (("differences", True), ("not_verified", False)):
        write(f', "{name}": [')
        lines = (encode_numbers(line).decode() for line in _read(found) if ("field" in line) is has_field)
        for number, line in enumerate(lines):
            write(f"{',' if number else ''}\n  {line}")
        write("]")
    write("}\n")


def what_if(rule: str, *, as_json: bool) -> NoReturn:
    """For `replay --what-if`: every customer's figures under another rule, which changes nothing."""
    if rule not in RULES:
        raise typer.BadParameter(f"There is {', '.join(RULES)}.", param_hint="--what-if")
    with progress_bar(f"Figures {rule}") as progress:
        report = with_store(lambda store: figures.what_if(store, rule, progress))
    if as_json:
        print_report(what_if_view(report))
    else:
        _print_report(report)
    raise SystemExit(exits.NOT_ALL if report.untold else exits.DONE)


def _print_report(report: WhatIf) -> None:
    changed = f"{report.changed} of {many(report.customers, 'customer')} would have other figures"
    say(f"Under {report.rule} instead of {report.instead_of}, {changed}, at position {report.position}.")
    currency = Settings.from_environment().store_currency
    rows = table("figure", "now", "then", "up", "down", "unchanged")
    for name, moved in report.figures.items():
        sums = (figure(name, value, currency) for value in (moved.before, moved.after))
        rows.add_row(name, *sums, str(moved.up), str(moved.down), str(moved.unchanged))
    console.print(rows)
    for name, moved in report.figures.items():
        for mover in (*moved.furthest_up, *moved.furthest_down):
            before, after, by = (figure(name, value, currency) for value in (mover.before, mover.after, mover.by))
            say(f"{name} of customer {mover.customer_id}: {before} → {after} ({'+' * (mover.by > 0)}{by})")
    if report.untold:
        say(f"Nothing is known of {with_ids('customer', report.untold)}: an event can't be applied.")
