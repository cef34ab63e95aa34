"""`custodiary export`, `erase` and `erasure`: what is held about a person, its end, and the receipt of that."""

import sys
from datetime import UTC, datetime
from typing import NoReturn

import typer

from api.cli.story.words import many
from api.cli.terminal import exits
from api.cli.terminal.output import errors, print_json, print_report, say
from api.cli.terminal.session import who, with_store
from api.process.settings import Settings
from api.rest import erasure as erasing
from api.rest.export import export_body
from domain.refusals import CustomerNotFound
from domain.text.folding import is_blank
from eventstore.store import By, Store, Unit
from projections.database import at_one_moment
from projections.history.pages import was_registered
from projections.history.person import Export
from projections.history.person import export as export_customer
from projections.history.receipt import Receipt, receipt
from projections.queries.customers import find_customer
from projections.tables.table import Shown
from service.background.erased import note


def export(customer_id: int) -> None:
    async def work(store: Store) -> Export | None:
        async with at_one_moment(store.pool) as on:
            return await export_customer(on, store.log, customer_id)

    found = with_store(work)
    if found is None:
        _nobody(customer_id)
    print_json({"export": export_body(found, Settings.from_environment().store_url)})


def erase(customer_id: int, *, reason: str, yes: bool, as_json: bool) -> None:
    if not reason.isprintable() or len(reason) > erasing.MAX_REASON or is_blank(reason):
        raise typer.BadParameter(f"1 to {erasing.MAX_REASON} printable characters.", param_hint="--reason")
    by = By(actor=who(), at=datetime.now(UTC))

    async def decide(unit: Unit) -> None:
        await erasing.erase(unit, [customer_id], reason)

    async def work(store: Store) -> Receipt | None:
        try:
            if not yes:
                _ask(await find_customer(store.pool, customer_id))
            await store.transact(by, decide)
        except CustomerNotFound:
            return None
        await note(store.pool, store.log.sealing.masters.file)
        return await receipt(store.pool, store.log, customer_id)

    _show(customer_id, with_store(work), as_json=as_json)


def _ask(known: Shown | None) -> None:
    """Raises CustomerNotFound; ends the command unless the answer is yes."""
    if known is None:
        raise CustomerNotFound
    name = f"{known['first_name']} {known['last_name']}".strip()
    user = f", with user {known['user_id']}" if known["user_id"] else ""
    whom = f"customer {known['id']}: {name} <{known['email']}>, {many(known['purchase_count'], 'purchase')}{user}"
    if not sys.stdin.isatty():
        exits.end(exits.USAGE, f"This erases for good, so it asks first. Give --yes to erase {whom}.")
    errors.print(f"This erases for good {whom}.", markup=False)
    if not typer.confirm("Erase?", err=True):
        exits.end(exits.NOT_ALL, "Nobody was erased.")


def erasure(customer_id: int, *, as_json: bool) -> None:
    async def work(store: Store) -> tuple[Receipt | None, bool]:
        async with at_one_moment(store.pool) as on:
            return await receipt(on, store.log, customer_id), await was_registered(on, customer_id)

    found, is_known = with_store(work)
    if is_known and found is None:
        errors.print(f"Customer {customer_id} is not erased.")
        raise SystemExit(exits.NOT_ALL)
    _show(customer_id, found, as_json=as_json)


def _show(customer_id: int, found: Receipt | None, *, as_json: bool) -> None:
    if found is None:
        _nobody(customer_id)
    body = erasing.receipt_body(found)
    if as_json:
        print_report(body)
        return
    why = f": {found.reason}" if found.reason else ""
    say(f"Customer {customer_id} was erased at {body['erased_at']} by {found.erased_by}{why}")
    say(f"That sealed {many(found.events, 'event')} for good, up to position {found.position}.")


def _nobody(customer_id: int) -> NoReturn:
    errors.print(f"There is no such customer {customer_id}.")
    raise SystemExit(exits.NOT_ALL)
