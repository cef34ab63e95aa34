"""`custodiary export`, `erase` and `erasure`: what is held about a person, its end, and the receipt of that."""

import sys
from datetime import UTC, datetime

import typer

from api.cli.terminal import exits
from api.cli.terminal.output import errors, print_json, print_report, say
from api.cli.terminal.session import who, with_store
from api.presentation.privacy import Exported, held, receipt
from api.presentation.story.words import many
from api.process.settings import Settings
from domain.refusals import CustomerNotFound
from domain.text.folding import is_blank
from eventstore.store import By, Store
from projections.history.receipt import Receipt
from projections.queries.customers import find_customer
from projections.tables.table import Shown
from service import privacy
from service.background.erased import note
from service.privacy import MAX_REASON, NotErased
from service.webhooks.told import find_receipt


def export(customer_id: int) -> None:
    try:
        found = with_store(lambda store: privacy.export(store, customer_id))
    except CustomerNotFound:
        exits.nobody(customer_id)
    print_json(Exported(held(found, Settings.from_environment().store_url)))


def erase(customer_id: int, *, reason: str, yes: bool, as_json: bool) -> None:
    if not reason.isprintable() or len(reason) > MAX_REASON or is_blank(reason):
        raise typer.BadParameter(f"1 to {MAX_REASON} printable characters.", param_hint="--reason")
    by = By(actor=who(), at=datetime.now(UTC))

    async def work(store: Store) -> Receipt:
        if not yes:
            _ask(await find_customer(store.pool, customer_id))
        await store.transact(by, lambda unit: privacy.erase(unit, [customer_id], reason))
        await note(store.pool, store.log.sealing.masters.file)
        return await find_receipt(store, customer_id)

    try:
        _show(with_store(work), as_json=as_json)
    except CustomerNotFound:
        exits.nobody(customer_id)


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
    try:
        _show(with_store(lambda store: find_receipt(store, customer_id)), as_json=as_json)
    except CustomerNotFound:
        exits.nobody(customer_id)
    except NotErased:
        errors.print(f"Customer {customer_id} is not erased.")
        raise SystemExit(exits.NOT_ALL) from None


def _show(found: Receipt, *, as_json: bool) -> None:
    shown = receipt(found)
    if as_json:
        print_report(shown)
        return
    why = f": {found.reason}" if found.reason else ""
    say(f"Customer {found.customer_id} was erased at {shown.erased_at} by {found.erased_by}{why}")
    say(f"That sealed {many(found.events, 'event')} for good, up to position {found.position}.")
    for each in shown.told:
        when = f"took it at {each.acknowledged_at}" if each.acknowledged_at else "has not taken it yet"
        say(f"Webhook {each.webhook_id} to {each.host or 'nobody knows where'} {when}.")
