"""What verifications found, stored by customer, so that verifying some never hides findings about others."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import asyncpg
import msgspec

from eventstore.postgres.connection import Executor, Session
from eventstore.postgres.json import encode_numbers

# Rows are locked in one order, so that a verification and the sampler never wait for each other in a circle.
FORGET = """
    WITH held AS (SELECT customer_id FROM drift WHERE customer_id = ANY($1) ORDER BY customer_id FOR UPDATE)
    DELETE FROM drift USING held WHERE drift.customer_id = held.customer_id AND NOT held.customer_id = ANY($2)"""
FORGET_FIGURES = "DELETE FROM drifting_figures WHERE customer_id = ANY($1)"
KEEP = """
    INSERT INTO drift (customer_id, is_unverified, problem)
    SELECT id, problem IS NOT NULL, problem FROM unnest($1::bigint[], $2::text[]) AS found (id, problem)
    ON CONFLICT (customer_id) DO UPDATE SET is_unverified = excluded.is_unverified, problem = excluded.problem"""
KEEP_FIGURES = """
    INSERT INTO drifting_figures (customer_id, field, stored, fold, sql)
    SELECT customer_id, field, stored, fold, sql
    FROM json_to_recordset($1) AS f (customer_id bigint, field text, stored json, fold json, sql json)"""
DONE = """
    INSERT INTO verifications (checked_at, checked) VALUES (clock_timestamp(), $1)
    ON CONFLICT (is_last) DO UPDATE SET checked_at = excluded.checked_at, checked = excluded.checked"""
KNOWN = """
    SELECT checked_at, checked, (SELECT count(*) FROM drift WHERE NOT is_unverified) AS drifted,
        (SELECT count(*) FROM drift WHERE is_unverified) AS unverified
    FROM verifications"""
SOME = "SELECT customer_id FROM drift ORDER BY found_at, customer_id LIMIT $1"
LISTED = """
    SELECT d.customer_id, nullif(concat_ws(' ', c.first_name, c.last_name), '') AS name, d.problem,
        (SELECT json_agg(f ORDER BY field) FROM drifting_figures AS f WHERE f.customer_id = d.customer_id) AS figures
    FROM drift AS d LEFT JOIN customers AS c ON c.id = d.customer_id
    ORDER BY d.found_at, d.customer_id LIMIT $1"""


class Difference(msgspec.Struct, frozen=True):
    """A figure of a customer, computed in three ways that do not all agree. `row` is whether there are any."""

    customer_id: int
    field: str
    stored: Any
    fold: Any
    sql: Any

    @property
    def by(self) -> Any:
        """How much more is stored than the events give; None where these are no amounts."""
        amounts = self.stored, self.fold
        return self.stored - self.fold if all(isinstance(each, int | Decimal) for each in amounts) else None


class Unverified(msgspec.Struct, frozen=True):
    """Customers whose figures can't be computed, and why; `position` is that of the event, where it is known."""

    customer_ids: tuple[int, ...]
    position: int | None
    problem: str


class Drifting(NamedTuple):
    """A customer that drifts, in these figures, or could not be verified because of a problem."""

    customer_id: int
    name: str | None
    problem: str | None
    figures: list[Difference]


decode_figures = msgspec.json.Decoder(list[Difference], float_hook=Decimal).decode


class Known(NamedTuple):
    """`checked` customers by the last verification, at `checked_at`; of all that were ever looked at, those whose last
    look found a difference, or could not tell.
    """

    checked_at: datetime
    checked: int
    drifted: int
    unverified: int


async def known(on: Executor) -> Known | None:
    """What is known; None before the first verification."""
    row = await on.fetchrow(KNOWN)
    return Known(*row) if row else None


async def some(on: Executor, limit: int) -> list[int]:
    """Customers that drift or could not be verified, oldest finding first."""
    return [row[0] for row in await on.fetch(SOME, limit)]


async def listed(on: Executor, limit: int) -> list[Drifting]:
    """What `some` names, each with its figures."""
    return [_drifting(row) for row in await on.fetch(LISTED, limit)]


def _drifting(row: asyncpg.Record) -> Drifting:
    figures = decode_figures(row["figures"] or b"[]")
    return Drifting(row["customer_id"], row["name"], row["problem"], figures)


async def keep(
    on: Session,
    checked: Collection[int],
    differences: Sequence[Difference] = (),
    unverified: Iterable[Unverified] = (),
) -> None:
    """Replaces former findings about these customers, in a transaction."""
    problems = {id_: each.problem for each in unverified for id_ in each.customer_ids}
    found = sorted({*problems, *(difference.customer_id for difference in differences)})
    await on.execute(FORGET, list(checked), found)
    if found:
        await on.execute(KEEP, found, [problems.get(id_) for id_ in found])
        await on.execute(FORGET_FIGURES, found)  # what others found meanwhile, too: now their rows are ours
        await on.execute(KEEP_FIGURES, encode_numbers(differences))


async def keep_end(on: Executor, checked: int) -> None:
    await on.execute(DONE, checked)
