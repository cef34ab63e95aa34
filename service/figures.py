"""Customers' figures: computed again, explained, and computed under another rule, all from their events."""

from datetime import UTC, datetime
from typing import NamedTuple

from domain.refusals import CustomerNotFound
from domain.value import Rule
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection, Session
from eventstore.store import Store
from projections.checks.course import UNEXPLAINED, Course
from projections.checks.course import course as course_of_customer
from projections.checks.explain import Explanation
from projections.checks.explain import explain as explain_customer
from projections.checks.recalculate import Drift
from projections.checks.recalculate import recalculate as recalculate_customer
from projections.checks.what_if import WhatIf
from projections.checks.what_if import what_if as figures_under
from projections.database import at_one_moment
from projections.fold.fold import PoisonedError
from projections.fold.past import EVENTS_AT_ONCE, AsOf, moment_of
from projections.fold.ranges import EVENTS
from projections.history.pages import NEWEST
from projections.history.stops import stops_of
from projections.queries.customers import find_customer
from projections.replay.engine import Progress, unseen
from projections.tables.table import Shown


class RecalculatedFigures(NamedTuple):
    """The customer's row as it is now, and by figure what was wrong with it."""

    row: Shown
    drift: dict[str, Drift]


async def recalculate(on: Session, log: Log, customer_id: int) -> RecalculatedFigures:
    """Compute the figures from events, and write those that differ. No event comes of it. Raises CustomerNotFound."""
    drift = await recalculate_customer(on, log, customer_id)
    row = await find_customer(on, customer_id)
    if row is None or drift is None:
        raise CustomerNotFound
    return RecalculatedFigures(row, drift)


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


async def course(on: Connection, log: Log, customer_id: int, until: int, *, store_currency: str, rule: Rule) -> Course:
    """The course of a customer that is there, also of one of whom an event can't be applied."""
    try:
        return await course_of_customer(on, log, customer_id, until, store_currency=store_currency, rule=rule)
    except PoisonedError as error:
        position, _problem = error.args
        return Course(await stops_of(on, customer_id), [], UNEXPLAINED, position)


async def what_if(store: Store, rule: str, progress: Progress | None = None) -> WhatIf:
    """Every customer's figures under this one of `RULES`; nothing is changed.

    Where nobody waits for `progress`, the process does other things too, so it folds fewer events at once.
    """
    at_once = EVENTS if progress else EVENTS_AT_ONCE
    return await figures_under(store, rule, progress or unseen, at_once=at_once)
