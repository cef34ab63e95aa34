"""Importing a CSV file of orders: each order once, and its customer when nobody has that email yet."""

from asyncio import gather, to_thread
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from domain.customer import CUSTOMER, CustomerProfile, RegisterCustomer, email_claim
from domain.event import Claim, Stream
from domain.order import ORDER, OrderPlaced, PlaceOrder
from domain.terms import Terms
from domain.text import identity
from domain.value import DEFAULT_CURRENCY
from eventstore.store import By, Store, Unit
from projections.queries.lookups import free_users_with_emails
from service.importing.differences import differing_fields
from service.importing.fields import random_uuids
from service.importing.files import Source, opened
from service.importing.orders_csv.rates import NO_RATES, Rates
from service.importing.orders_csv.rows import OF_TERMS, OrderLine, read_orders
from service.importing.rehearsal import Rehearsal
from service.importing.report import Remark, Report
from service.importing.writing import BATCH, write

UUIDS = random_uuids()
Progress = Callable[[int, int], None]


class FirstOrder(NamedTuple):
    """A customer's earliest row in the file."""

    created_at: datetime
    order_id: int
    email: str
    first_name: str
    last_name: str


async def import_orders(
    store: Store,
    by: By,
    path: Path,
    *,
    dry_run: bool = False,
    store_currency: str = DEFAULT_CURRENCY,
    rates: Rates = NO_RATES,
    progress: Progress = lambda _done, _total: None,
) -> Report:
    """`rates` serve the rows that give none. `progress` gets how many of how many bytes are done.

    Raises ImportFileError.
    """
    target, report = Rehearsal(store) if dry_run else store, Report()
    with opened(path) as source:
        first_orders = await to_thread(_first_orders, source, progress)
        rows = read_orders(source)
        batch = list(islice(rows, BATCH))
        while batch:
            report.bad += [row for row in batch if isinstance(row, Remark)]
            lines = [row for row in batch if isinstance(row, OrderLine)]
            # While PostgreSQL writes these, the next ones are read.
            written, batch = await gather(
                write(target, by, lines, partial(record, first_orders=first_orders, rates=rates)),
                to_thread(list, islice(rows, BATCH)),
            )
            report.add(written)
            progress(source.size + source.position, 2 * source.size)
    report.bad.sort(key=lambda remark: remark.line or 0)
    report.tell_rates(store_currency)
    return report


def _first_orders(source: Source, progress: Progress) -> dict[str, FirstOrder]:
    """First orders by mailbox, however rows are sorted: they give a customer its age and its name."""
    found: dict[str, FirstOrder] = {}
    for number, row in enumerate(read_orders(source)):
        if isinstance(row, OrderLine):
            mailbox, sent = identity.of_email(row.row.email), row.row
            this = FirstOrder(sent.created_at, sent.order_id, sent.email, sent.first_name, sent.last_name)
            found[mailbox] = min(this, found.get(mailbox, this))
        if not number % BATCH:
            progress(source.position, 2 * source.size)
    return found


async def record(
    unit: Unit, lines: Sequence[OrderLine], *, first_orders: Mapping[str, FirstOrder], rates: Rates
) -> Report:
    """Decide on what is not here yet."""
    report = Report()
    history = await unit.load_many(ORDER, {line.row.order_id for line in lines})
    placed = {event.stream.id: event.event.terms for event in history if isinstance(event.event, OrderPlaced)}
    holders = await unit.holders({_claim(line) for line in lines})
    strangers = list(
        {claim for line in lines if line.row.order_id not in placed and (claim := _claim(line)) not in holders}
    )
    users = await free_users_with_emails(unit.on, [claim.value for claim in strangers]) if strangers else []
    linked = dict(zip(strangers, users, strict=True))
    free_ids = iter(await unit.new_ids(CUSTOMER, len(strangers)) if strangers else ())
    for line in lines:
        row, claim = line.row, _claim(line)
        customer = holders.get(claim)
        if known := placed.get(row.order_id):
            _compare(line, customer, known, report)
            continue
        if customer is None:
            customer = holders[claim] = Stream(CUSTOMER.category, next(free_ids))
            first = first_orders[claim.value]
            await unit.decide(CUSTOMER, customer.id, _registration(first, linked[claim]), at=first.created_at)
            report.created["customers"] += 1
        rate = rates.of(row.currency, row.created_at) if row.rate is None else row.rate
        terms = row.fill(Terms, customer_id=customer.id, uuid=next(UUIDS), rate=rate)
        placed[row.order_id] = terms
        await unit.decide(ORDER, row.order_id, PlaceOrder(terms=terms), at=terms.created_at)
        report.created["orders"] += 1
        report.without_rate[terms.currency] += rate is None
        report.notes += [line.remark(note) for note in _notes(line, terms)]
    if report.created:
        await unit.pass_id(ORDER.category, max(line.row.order_id for line in lines))
    return report


def _notes(line: OrderLine, terms: Terms) -> Iterator[str]:
    if terms.total_refund > terms.total_paid:
        yield refund_beyond_payment(terms)
    if not line.ends:
        yield "The file ends within this line: if it was cut off there, something of the order is missing."


def refund_beyond_payment(terms: Terms) -> str:
    return f"Refunded {terms.total_refund} of {terms.total_paid} paid: recorded as given, its net counts 0."


def _claim(line: OrderLine) -> Claim:
    return email_claim(line.row.email)


def _registration(first: FirstOrder, user_id: int | None) -> RegisterCustomer:
    profile = CustomerProfile(email=first.email, first_name=first.first_name, last_name=first.last_name)
    return RegisterCustomer(profile=profile, uuid=next(UUIDS), user_id=user_id)


def _compare(line: OrderLine, customer: Stream | None, known: Terms, report: Report) -> None:
    """An email that nobody has any more says nothing about whose order it is, nor a row without a rate about that."""
    sent = {name: getattr(line.row, name) for name in OF_TERMS}
    given = replace(known, **(sent | {"rate": line.row.rate or known.rate}))
    differing = differing_fields(given, known)
    if customer is not None and customer.id != known.customer_id:
        differing.insert(0, "it is another customer's here")
    if differing:
        report.differences.append(line.remark(f"It is here already, with other facts: {'; '.join(differing)}."))
    else:
        report.already_imported["orders"] += 1
