"""What verifications found, stored by customer, so that verifying some never hides findings about others."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from eventstore.postgres.connection import Executor

FORGET = "DELETE FROM drift WHERE customer_id = ANY($1) AND NOT customer_id = ANY($2)"
KEEP = """
    INSERT INTO drift (customer_id, is_unverified) SELECT id, id = ANY($2) FROM unnest($1::bigint[]) AS id
    ON CONFLICT (customer_id) DO UPDATE SET is_unverified = excluded.is_unverified"""
DONE = """
    INSERT INTO verifications (checked_at, checked) VALUES (clock_timestamp(), $1)
    ON CONFLICT (is_last) DO UPDATE SET checked_at = excluded.checked_at, checked = excluded.checked"""
KNOWN = """
    SELECT checked_at, checked, (SELECT count(*) FROM drift WHERE NOT is_unverified) AS drifted,
        (SELECT count(*) FROM drift WHERE is_unverified) AS unverified
    FROM verifications"""
SOME = "SELECT customer_id FROM drift ORDER BY found_at, customer_id LIMIT $1"


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


async def keep(
    on: Executor, checked: Collection[int], *, drifted: Collection[int] = (), unverified: Collection[int] = ()
) -> None:
    """Replaces former findings about these customers."""
    found = sorted({*drifted, *unverified})
    await on.execute(FORGET, list(checked), found)
    if found:
        await on.execute(KEEP, found, list(unverified))


async def keep_end(on: Executor, checked: int) -> None:
    await on.execute(DONE, checked)
