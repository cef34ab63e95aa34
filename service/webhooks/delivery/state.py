"""What is known of an endpoint's deliveries when a process begins to deliver for it."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal, TypeAlias

import asyncpg
import msgspec

from eventstore.postgres.connection import Connection, Executor
from service.webhooks.delivery.progress import Retry

Kind: TypeAlias = Literal["new", "replayed", "erased", "tested", "resent"]

BEGIN = """
    WITH cursor AS (
        INSERT INTO webhook_cursors (webhook_id, replay, position) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING)
    INSERT INTO webhook_endpoints (webhook_id, looked_until) VALUES ($1, $2) ON CONFLICT DO NOTHING"""
# Beyond its end the log was not looked through: it was set back.
ENDPOINT = """
    SELECT least(looked_until, (SELECT max(notification_id) FROM stored_events)), failing_since
    FROM webhook_endpoints WHERE webhook_id = $1"""
CURSORS = "SELECT replay, position, digest, until FROM webhook_cursors WHERE webhook_id = $1 ORDER BY replay"
RETRIES = "SELECT replay, lane, after, until, failures, next_at FROM webhook_retries WHERE webhook_id = $1"
AHEAD = """
    SELECT id, webhook_id, position, positions, kind, customer_id, failures, next_at FROM webhook_ahead
    WHERE webhook_id = ANY($1) ORDER BY id"""

# Whether the event at the cursor is still the one that was there. Positions of a cursor that has not moved yet have no
# digest to compare.
WAS_SET_BACK = """
    SELECT EXISTS (
        SELECT FROM webhook_cursors AS c LEFT JOIN stored_events AS e ON e.notification_id = c.position
        WHERE c.webhook_id = $1 AND c.digest <> '' AND e.digest IS DISTINCT FROM c.digest)"""
# The newest event that was sent and is still there. What came before it was delivered, or waits in a lane.
STILL_THERE = """
    SELECT a.until, a.digest FROM webhook_attempts AS a JOIN stored_events AS e
        ON e.notification_id = a.until AND e.digest = a.digest
    WHERE a.webhook_id = $1 AND a.kind = 'new' ORDER BY a.until DESC LIMIT 1"""
GO_BACK = """
    WITH cursors AS (
        UPDATE webhook_cursors SET position = $2, digest = $3 WHERE webhook_id = $1 AND position > $2),
    retries AS (
        UPDATE webhook_retries SET after = least(after, $2), until = least(until, $2), failures = 0
        WHERE webhook_id = $1 AND until > $2),
    ahead AS (
        DELETE FROM webhook_ahead WHERE webhook_id = $1 AND until > $2)
    UPDATE webhook_endpoints SET looked_until = least(looked_until, $2) WHERE webhook_id = $1"""
END = """
    WITH cursors AS (DELETE FROM webhook_cursors WHERE webhook_id = ANY($1)),
    retries AS (DELETE FROM webhook_retries WHERE webhook_id = ANY($1)),
    ahead AS (DELETE FROM webhook_ahead WHERE webhook_id = ANY($1)),
    customers AS (DELETE FROM webhook_customers WHERE webhook_id = ANY($1))
    DELETE FROM webhook_endpoints WHERE webhook_id = ANY($1)"""
# A paused endpoint begins anew when it is resumed.
REST = """
    WITH retries AS (UPDATE webhook_retries SET next_at = 'epoch' WHERE webhook_id = $1)
    UPDATE webhook_endpoints SET failing_since = NULL WHERE webhook_id = $1"""
# Whoever got something of the erased. What was answered then is forgotten, because it may quote them.
NOTE_ERASED = """
    WITH told AS (SELECT webhook_id FROM webhook_customers WHERE customer_id = $2 AND webhook_id = $1),
    noted AS (
        INSERT INTO webhook_erasures (webhook_id, customer_id, position, is_ahead)
        SELECT webhook_id, $2, $3, true FROM told ON CONFLICT DO NOTHING),
    forgotten AS (
        UPDATE webhook_attempts AS a SET answer = '' FROM told
        WHERE a.webhook_id = told.webhook_id AND answer <> '' AND (customer_id = $2 OR events > 1))
    INSERT INTO webhook_ahead (webhook_id, position, until, kind, customer_id)
    SELECT webhook_id, $3, $3, 'erased', $2 FROM told ON CONFLICT DO NOTHING"""
NOTE_TESTED = """
    INSERT INTO webhook_ahead (webhook_id, position, until, kind) VALUES ($1, $2, $2, 'tested')
    ON CONFLICT DO NOTHING"""
OPEN = """
    INSERT INTO webhook_cursors (webhook_id, replay, position, until) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"""
LOOKED = "UPDATE webhook_endpoints SET looked_until = $2 WHERE webhook_id = $1"
GONE_AHEAD = "SELECT customer_id FROM webhook_erasures WHERE webhook_id = $1 AND customer_id = ANY($2) AND is_ahead"

FORGET = """
    DELETE FROM webhook_attempts WHERE id IN (
        SELECT id FROM webhook_attempts WHERE at < $1 ORDER BY id LIMIT 10000)"""
NONE = "DELETE 0"


def is_success(status: int | None) -> bool:
    """Whether an answer's status says that the message is taken."""
    return status is not None and 200 <= status < 300


class Cursor(msgspec.Struct, frozen=True):
    """`replay` is 0 for new events, else the position of the event that asked for a range, up to `until`."""

    replay: int
    position: int
    digest: bytes
    until: int | None


class Ahead(msgspec.Struct, frozen=True):
    """A message that waits for no cursor; of a batch that is sent again, `positions` are those of all its events."""

    id: int
    webhook_id: int
    position: int
    positions: list[int] | None
    kind: Kind
    customer_id: int | None  # who is erased
    failures: int
    next_at: datetime


class DeliveryState(msgspec.Struct):
    looked_until: int
    failing_since: datetime | None
    cursors: list[Cursor]
    retries: dict[int, dict[str, Retry]]  # by replay
    ahead: list[Ahead]


async def load(on: Connection, webhook_id: int, since: int) -> DeliveryState:
    """Makes it where there is none. Where the log was set back, so are the cursors."""
    await on.execute(BEGIN, webhook_id, since)
    if await on.fetchval(WAS_SET_BACK, webhook_id):
        there = await on.fetchrow(STILL_THERE, webhook_id)
        await on.execute(GO_BACK, webhook_id, *(there or (since, b"")))
    looked_until, failing_since = (await on.fetch(ENDPOINT, webhook_id))[0]
    cursors = [Cursor(*row) for row in await on.fetch(CURSORS, webhook_id)]
    retries: dict[int, dict[str, Retry]] = {cursor.replay: {} for cursor in cursors}
    for replay, lane, after, until, failures, next_at in await on.fetch(RETRIES, webhook_id):
        retries[replay][lane] = Retry(after=after, until=until, failures=failures, next_at=next_at)
    return DeliveryState(looked_until, failing_since, cursors, retries, await ahead_of(on, [webhook_id]))


async def ahead_of(on: Connection, webhook_ids: Collection[int]) -> list[Ahead]:
    return [Ahead(*row) for row in await on.fetch(AHEAD, list(webhook_ids))]


async def end(on: Connection | asyncpg.Pool, webhook_ids: Collection[int]) -> None:
    """Deleted endpoints have no state; what was sent to whom stays as long as for others."""
    await on.execute(END, list(webhook_ids))


async def rest(on: Connection, webhook_id: int) -> None:
    await on.execute(REST, webhook_id)


async def note_erased(on: Connection, webhook_id: int, customer_id: int, position: int) -> None:
    """An endpoint that got something about the customer is sent the erasure ahead of other messages."""
    await on.execute(NOTE_ERASED, webhook_id, customer_id, position)


async def note_tested(on: Connection, webhook_id: int, position: int) -> None:
    await on.execute(NOTE_TESTED, webhook_id, position)


async def open_range(on: Connection, webhook_id: int, cursor: Cursor) -> None:
    await on.execute(OPEN, webhook_id, cursor.replay, cursor.position, cursor.until)


async def note_looked(on: Connection, webhook_id: int, until: int) -> None:
    await on.execute(LOOKED, webhook_id, until)


async def gone_ahead(on: Executor, webhook_id: int, customer_ids: Collection[int]) -> set[int]:
    """Whose erasures go ahead, or have gone, and so not by the cursor."""
    return {row[0] for row in await on.fetch(GONE_AHEAD, webhook_id, list(customer_ids))}


async def forget(on: Executor, before: datetime) -> None:
    """Attempts from before a time, some at a time: nobody waits for them."""
    while await on.execute(FORGET, before) != NONE:
        pass
