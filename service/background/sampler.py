"""Verifies a few customers now and then, in one process of all that share the store."""

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import asyncpg

from eventstore.store import Store
from projections.checks.findings import some
from projections.checks.verify import Checked, drawn, verify
from service.background.every import regularly

logger = logging.getLogger("custodiary.verify")

DRAWN = 20
KNOWN = 100  # of those known to drift, looked at again each time
LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('custodiary verify'))"
IS_DUE = """
    SELECT NOT EXISTS (
        SELECT FROM verifications WHERE checked_at > clock_timestamp() - make_interval(secs => $1))"""


def sampling(store: Store, seconds: float) -> AbstractAsyncContextManager[None]:
    """Verifies in the background, every so many seconds, until the end of the block; 0 is never."""
    return regularly(seconds, lambda: sample(store, seconds), logger, "customers could not be verified")


async def sample(store: Store, seconds: float) -> None:
    """Unless another process is at it, or was within these seconds."""
    async with store.pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(LOCK) and await connection.fetchval(IS_DUE, seconds):
            async for checked in verify(store, _chosen(store.pool)):
                _warn(checked)


async def _chosen(pool: asyncpg.Pool) -> AsyncIterator[list[int]]:
    ids = {id_ async for piece in drawn(pool, DRAWN) for id_ in piece}
    yield sorted(ids.union(await some(pool, KNOWN)))


def _warn(checked: Checked) -> None:
    if drifted := checked.drifted_ids:
        logger.warning("stored figures of customers %s are not what their events give", drifted)
    if unverified := checked.unverified_ids:
        logger.warning("figures of customers %s can't be told from their events", unverified)
