"""Importing a FluentCart export, with its ids: users and labels, then customers and what is theirs, then orders."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from domain.event import Stream
from domain.order import OrderPlaced
from domain.value import DEFAULT_CURRENCY, ONE
from eventstore.store import By, Store
from projections.queries.lookups import user_ids
from service.importing.facts import Entry, mark, record
from service.importing.files import opened
from service.importing.fluentcart import export_orders, export_people
from service.importing.fluentcart.export import Export
from service.importing.fluentcart.exported_figures import differing_figures
from service.importing.rehearsal import Rehearsal
from service.importing.report import Report
from service.importing.writing import BATCH, write

Progress: TypeAlias = Callable[[int, int], None]

MARKED = {"customers", "labels"}


async def import_fluentcart(
    store: Store,
    by: By,
    path: Path,
    *,
    dry_run: bool = False,
    store_currency: str = DEFAULT_CURRENCY,
    progress: Progress = lambda _done, _total: None,
) -> Report:
    """`progress` is told how many of how many rows are done. Raises ImportFileError."""
    target, report, done = Rehearsal(store) if dry_run else store, Report(), 0
    with opened(path) as source:
        export = Export(source, report)
    orders: list[Entry] = []
    marks: dict[Stream, str] = {}
    users = await user_ids(store.pool)
    for table in _tables(export, users):
        while batch := list(islice(table, BATCH)):
            marks |= {fact.stream: mark(fact.event) for entry in batch if entry.table in MARKED for fact in entry.facts}
            report.add(await write(target, by, batch, partial(record, marks=marks)))
            users |= {entry.facts[0].id for entry in batch if entry.table == "users"}
            orders += [entry for entry in batch if entry.table == "orders"]
            done += len(batch)
            progress(done, export.count())
    progress(export.count(), export.count())  # with the rows that went in as parts of others
    report.figures += differing_figures(export, orders)
    terms = [fact.event.terms for entry in orders for fact in entry.facts if isinstance(fact.event, OrderPlaced)]
    report.without_rate.update(each.currency for each in terms if each.applied_rate == ONE)
    report.tell_rates(store_currency)
    return report


def _tables(export: Export, users: set[int]) -> Iterator[Iterator[Entry]]:
    """What is referred to comes first."""
    yield export_people.users(export)
    yield export_people.labels(export)
    yield export_people.customers(export, users)
    yield export_people.addresses(export)
    yield export_people.labellings(export)
    yield export_orders.orders(export)
