"""Importing a CSV file of orders: each order once, and its customer when nobody has that email yet."""

from asyncio import gather, to_thread
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from api.importing.differences import differing_fields
from api.importing.fields import random_uuids
from api.importing.files import opened
from api.importing.orders_csv import TOLD, OrderLine, read_orders
from api.importing.rehearsal import Rehearsal
from api.importing.report import Remark, Report
from api.importing.writing import BATCH, write
from domain import identity
from domain.customer import CUSTOMER, CustomerProfile, RegisterCustomer
from domain.event import Claim, Stream
from domain.order import ORDER, OrderPlaced, PlaceOrder, Terms
from eventstore.transact import By, Store, Unit

UUIDS = random_uuids()
Progress = Callable[[int, int], None]


async def import_orders(
    store: Store, by: By, path: Path, *, dry_run: bool = False, progress: Progress = lambda _done, _total: None
) -> Report:
    """`progress` is told how many of how many bytes are done. Raises ImportFileError."""
    target, report = Rehearsal(store) if dry_run else store, Report()
    with opened(path) as source:
        rows = read_orders(source)
        batch = list(islice(rows, BATCH))
        while batch:
            report.bad += [row for row in batch if isinstance(row, Remark)]
            lines = [row for row in batch if isinstance(row, OrderLine)]
            # While PostgreSQL writes these, the next ones are read.
            written, batch = await gather(write(target, by, lines, record), to_thread(list, islice(rows, BATCH)))
            report.add(written)
            progress(source.position, source.size)
    report.bad.sort(key=lambda remark: remark.line or 0)
    return report


async def record(unit: Unit, lines: Sequence[OrderLine]) -> Report:
    """Decide on what is not here yet."""
    report = Report()
    history = await unit.load_many(ORDER, {line.order_id for line in lines})
    placed = {event.stream.id: event.event.terms for event in history if isinstance(event.event, OrderPlaced)}
    holders = await unit.holders({_claim(line) for line in lines})
    strangers = {claim for line in lines if line.order_id not in placed and (claim := _claim(line)) not in holders}
    free_ids = iter(await unit.new_ids(CUSTOMER, len(strangers)) if strangers else ())
    for line in lines:
        customer = holders.get(_claim(line))
        if known := placed.get(line.order_id):
            _compare(line, customer, known, report)
            continue
        if customer is None:
            customer = holders[_claim(line)] = Stream(CUSTOMER.category, next(free_ids))
            await unit.decide(CUSTOMER, customer.id, _registration(line), at=line.terms.created_at)
            report.created["customers"] += 1
        terms = placed[line.order_id] = replace(line.terms, customer_id=customer.id)
        await unit.decide(ORDER, line.order_id, PlaceOrder(terms=terms), at=terms.created_at)
        report.created["orders"] += 1
        if terms.total_refund > terms.total_paid:
            report.notes.append(line.remark(refund_beyond_payment(terms)))
    if report.created:
        await unit.pass_id(ORDER.category, max(line.order_id for line in lines))
    return report


def refund_beyond_payment(terms: Terms) -> str:
    return f"Refunded {terms.total_refund} of {terms.total_paid} paid: recorded as given, its net counts 0."


def _claim(line: OrderLine) -> Claim:
    return Claim("customer-email", identity.of_email(line.email))


def _registration(line: OrderLine) -> RegisterCustomer:
    profile = CustomerProfile(email=line.email, first_name=line.first_name, last_name=line.last_name)
    return RegisterCustomer(profile=profile, uuid=next(UUIDS))


def _compare(line: OrderLine, customer: Stream | None, known: Terms, report: Report) -> None:
    """An email that nobody has any more says nothing about whose order it is."""
    given = replace(known, **{name: getattr(line.terms, name) for name in TOLD})
    differing = differing_fields(given, known)
    if customer is not None and customer.id != known.customer_id:
        differing.insert(0, "it is another customer's here")
    if differing:
        report.differences.append(line.remark(f"It is here already, with other facts: {'; '.join(differing)}."))
    else:
        report.already_imported["orders"] += 1
