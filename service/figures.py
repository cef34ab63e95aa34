"""A customer's figures: put right from its events, and explained by them."""

from datetime import UTC, datetime
from typing import NamedTuple

from domain.refusals import CustomerNotFound
from eventstore.log.log import Log, Session
from eventstore.store import Store
from projections.checks.explain import Explanation
from projections.checks.explain import explain as explain_customer
from projections.checks.recalculate import Drift
from projections.checks.recalculate import recalculate as recalculate_customer
from projections.database import at_one_moment
from projections.fold.past import AsOf, moment_of
from projections.history.pages import NEWEST
from projections.queries.customers import find_customer
from projections.tables.table import Shown


class Recalculated(NamedTuple):
    """The customer's row as it is now, and by figure what was wrong with it."""

    row: Shown
    drift: dict[str, Drift]


async def recalculate(on: Session, log: Log, customer_id: int) -> Recalculated:
    """Compute the figures from events, and write those that differ. No event comes of it. Raises CustomerNotFound."""
    drift = await recalculate_customer(on, log, customer_id)
    row = await find_customer(on, customer_id)
    if row is None or drift is None:
        raise CustomerNotFound
    return Recalculated(row, drift)


async def explain(
    store: Store, customer_id: int, *, store_currency: str, as_of: AsOf = None
) -> tuple[Explanation, int]:
    """Why the lifetime value is what it is, and the customer's version. Raises CustomerNotFound."""
    async with at_one_moment(store.pool) as on:
        moment = None if as_of is None else await moment_of(on, store.log, as_of, datetime.now(UTC))
        until = moment.position if moment else NEWEST
        found = await explain_customer(on, store.log, customer_id, until, store_currency=store_currency)
    if found is None:
        raise CustomerNotFound
    return found
