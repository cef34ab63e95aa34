"""`custodiary history` and `custodiary explain`: what happened, and why a figure is what it is."""

from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from api.answer import encode
from api.cli import exits
from api.cli.output import console, errors, print_json, say
from api.cli.session import with_store
from api.explain import explanation_body
from api.history import TYPES, filters_of, history_page
from api.money import money
from api.settings import Settings
from domain.value import ROUNDING
from eventstore.transact import Store
from projections.database import at_one_moment
from projections.explain import Explanation
from projections.explain import explain as explain_customer
from projections.history.pages import NEWEST, Entry, Filters, Page, customer_history, store_history, was_registered
from projections.queries.clock import Span, clock

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
PAGE = 199
SHOWN = 60  # characters of a value, in a table


def history(
    customer_id: Annotated[int | None, typer.Argument(min=1, metavar="[ID]", help="A customer; without, all.")] = None,
    *,
    type_: Annotated[str | None, typer.Option("--type", help="Such as customer-renamed.")] = None,
    actor: Annotated[str | None, typer.Option(help="The login of who did it.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="A day from whose start, or a time, in UTC.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="A day through whose end, or a time, in UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many events, newest first.")] = PAGE,
    cursor: Annotated[int, typer.Option(min=1, help="Go on from where a page ended.", show_default=False)] = NEWEST,
    as_json: Json = False,
) -> None:
    """Show what happened to a customer and its orders, or in the whole store."""
    if type_ is not None and type_ not in TYPES:
        raise typer.BadParameter(f"There is {', '.join(TYPES)}.", param_hint="--type")
    filters = filters_of(type_, actor, _span(since, "--from"), _span(until, "--to"))
    page = with_store(lambda store: _history(store, customer_id, filters, cursor, limit))
    if page is None:
        _nobody(customer_id)
    body = history_page(page)
    if as_json:
        print_json(body)
        return
    console.print(_history_table(body["data"], of_store=customer_id is None))
    if page.before is not None:
        errors.print(f"There is more: --cursor {page.before}")


def explain(customer_id: Annotated[int, typer.Argument(min=1, metavar="ID")], *, as_json: Json = False) -> None:
    """Show how a customer's lifetime value comes from its orders."""

    async def explained(store: Store) -> tuple[Explanation, int] | None:
        async with at_one_moment(store.pool) as on:
            return await explain_customer(on, store.log, customer_id)

    found = with_store(explained)
    if found is None:
        _nobody(customer_id)
    explanation, _version = found
    if as_json:
        print_json(explanation_body(explanation))
        return
    console.print(_sum_table(explanation, Settings.from_environment().store_currency))
    say(f"Rule {explanation.rule.name}, version {explanation.rule.version}; rounded {ROUNDING}.")


async def _history(store: Store, customer_id: int | None, filters: Filters, before: int, limit: int) -> Page | None:
    """As many entries as asked for, from as many pages as it takes; None for a customer that never was."""
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
    return Page(entries, cursor)


def _span(text: str | None, option: str) -> Span | None:
    span = text and clock(datetime.now(UTC), "").span(text)
    if text and not span:
        raise typer.BadParameter("A date such as 2025-06-20 or '2025-06-20 14:00:00'.", param_hint=option)
    return span or None


def _nobody(customer_id: int | None) -> NoReturn:
    errors.print(f"There is no customer {customer_id}.")
    raise SystemExit(exits.NOT_ALL)


def _history_table(entries: list[dict[str, Any]], *, of_store: bool) -> Table:
    about = ["about"] if of_store else []
    table = Table("position", "happened", "who", *about, "what", "changed", box=None)
    for entry in entries:
        subject = [f"{entry['subject']['type']} {entry['subject']['id']}"] if of_store else []
        said = [_said(name, before, after) for name, (before, after) in (entry["changes"] or {}).items()]
        changed = "; ".join(filter(None, said))
        row = (str(entry["position"]), entry["occurred_at"], entry["actor"], *subject, entry["type"], changed)
        table.add_row(*map(escape, row))
    return table


def _said(name: str, before: Any, after: Any) -> str:
    """A change, short enough for a table; nothing for a field that begins empty."""
    if before is None:
        return f"{name} {_short(after)}" if after not in (None, "", 0, [], (), {}) else ""
    return f"{name} {_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    if isinstance(value, msgspec.Struct | dict):
        return "…"
    text = value if isinstance(value, str) else encode(value).decode()
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _sum_table(explanation: Explanation, store_currency: str) -> Table:
    table = Table("order", box=None, show_footer=True)
    for title in ("paid", "refunded", "rate"):
        table.add_column(title, justify="right")
    table.add_column("contributes", money(explanation.ltv, store_currency), justify="right")
    count, average = explanation.purchase_count, money(explanation.aov, store_currency)
    table.add_column("why", f"{count} {'purchase' if count == 1 else 'purchases'}, {average} on average")
    table.columns[0].footer = "sum"
    for order in explanation.orders:
        moved = (money(cents, order.currency) for cents in (order.total_paid, order.total_refund))
        contributed = money(order.contribution, store_currency)
        table.add_row(*map(escape, (str(order.order_id), *moved, str(order.rate.normalize()), contributed, order.why)))
    return table
