"""`custodiary history` and `custodiary explain`: what happened, and why a figure is what it is."""

from datetime import UTC, datetime

import typer
from rich.markup import escape
from rich.table import Column, Table

from api.cli.terminal import exits
from api.cli.terminal.output import console, errors, print_report, say, table
from api.cli.terminal.session import with_store
from api.cli.terminal.typed import typed_again
from api.presentation.events import history_page
from api.presentation.figures import explained
from api.presentation.money import money
from api.presentation.story.sentences import Names, names_of, sentence
from api.presentation.story.words import many, one_line
from api.process.settings import Settings
from domain.events import TAGS
from domain.refusals import CustomerNotFound
from domain.value import ROUNDING
from eventstore.store import Store
from projections.checks.explain import Explanation
from projections.database import at_one_moment
from projections.history.pages import NEWEST, Entry, Filters, Page, customer_history, store_history, was_registered
from projections.queries.language.clock import Span, clock
from service import figures

PAGE = 199  # events at a time
WHO = 16  # columns of a login


def history(
    customer_id: int | None,
    *,
    type_: str | None,
    actor: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    cursor: int | None,
    as_json: bool,
) -> None:
    if type_ is not None and type_ not in TAGS:
        raise typer.BadParameter(f"There is {', '.join(TAGS)}.", param_hint="--type")
    filters = Filters.between(type_, actor, _span(since, "--from"), _span(until, "--to"))
    found = with_store(lambda store: _history(store, customer_id, filters, cursor or NEWEST, limit))
    if found is None:
        exits.nobody(customer_id)
    page, names = found
    if as_json:
        print_report(history_page(page))
        return
    console.print(history_table(page, names, of_store=customer_id is None))
    if page.before is not None:
        errors.print(f"There is more: `{typed_again('--cursor', page.before)}`", markup=False, soft_wrap=True)


def explain(customer_id: int, *, as_json: bool) -> None:
    currency = Settings.from_environment().store_currency
    try:
        found = with_store(lambda store: figures.explain(store, customer_id, store_currency=currency))
    except CustomerNotFound:
        exits.nobody(customer_id)
    explanation, _version = found
    if as_json:
        print_report(explained(explanation))
        return
    console.print(_sum_table(explanation, currency))
    say(f"Rule {explanation.rule.name}, version {explanation.rule.version}; rounded {ROUNDING}.")


async def _history(
    store: Store, customer_id: int | None, filters: Filters, before: int, limit: int
) -> tuple[Page, Names] | None:
    """Reads up to `limit` entries, over several pages; None for a customer that never existed."""
    entries: list[Entry] = []
    cursor: int | None = before
    async with at_one_moment(store.pool) as on:
        if customer_id is not None and not await was_registered(on, customer_id):
            return None
        while cursor is not None and len(entries) < limit:
            room = min(PAGE, limit - len(entries))
            if customer_id is None:
                page = await store_history(on, store.log, filters, before=cursor, limit=room)
            else:
                page = await customer_history(on, store.log, customer_id, filters, before=cursor, limit=room)
            entries += page.entries
            cursor = page.before
        return Page(entries, cursor), await names_of(on, store.log, entries)


def _span(text: str | None, option: str) -> Span | None:
    span = text and clock(datetime.now(UTC), "").span(text)
    if text and not span:
        raise typer.BadParameter("A date such as 2025-06-20 or '2025-06-20 14:00:00'.", param_hint=option)
    return span or None


def history_table(page: Page, names: Names, *, of_store: bool) -> Table:
    """What happened takes the width that is left, and as many lines as it needs."""
    who = Column("who", max_width=WHO, overflow="fold")
    shown = table(Column("position", no_wrap=True), Column("happened", no_wrap=True), who, "what")
    for entry in page.entries:
        recorded = entry.recorded
        what = sentence(entry, names)
        if of_store and recorded.customer_id is not None:
            what = f"Customer {recorded.customer_id}: {what}"
        happened = f"{recorded.occurred_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        shown.add_row(*map(escape, (str(recorded.position), happened, one_line(recorded.actor), what)))
    return shown


def _sum_table(explanation: Explanation, store_currency: str) -> Table:
    """No amount is cut off, however narrow the terminal: why an order counts takes the width that is left."""
    shown = table(Column("order", no_wrap=True), show_footer=True)
    for title in ("paid", "refunded", "rate"):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("contributes", money(explanation.ltv, store_currency), justify="right", no_wrap=True)
    count, average = explanation.purchase_count, money(explanation.aov, store_currency)
    shown.add_column("why", overflow="fold", footer=f"{many(count, 'purchase')}, {average} on average")
    shown.columns[0].footer = "sum"
    for order in explanation.orders:
        moved = (money(cents, order.currency) for cents in (order.total_paid, order.total_refund))
        contributed = money(order.contribution, store_currency)
        shown.add_row(*map(escape, (str(order.order_id), *moved, str(order.rate.normalize()), contributed, order.why)))
    return shown
