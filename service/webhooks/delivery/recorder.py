"""Writes the state of deliveries behind them, in batches, through the session that holds the locks of their endpoints.

What is not written when the session or the process ends is sent again, with the same ids: nothing is skipped.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from domain.customer import CustomerErased
from eventstore.postgres.connection import Connection
from eventstore.postgres.sql import stored_as
from service.webhooks.delivery.progress import Progress, WebhookMessage
from service.webhooks.delivery.state import Kind, is_success
from service.webhooks.delivery.tail import ERASED

EVERY = 0.2  # seconds between two batches
MOST_KNOWN = 200_000  # pairs of an endpoint and a customer in memory

ATTEMPT = (
    "webhook_id", "position", "until", "events", "positions", "digest", "type", "customer_id", "kind", "attempt", "at",
    "milliseconds", "status", "error", "answer",
)  # fmt: skip
CURSORS = """
    UPDATE webhook_cursors AS c SET position = u.position, digest = u.digest
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) AS u (webhook_id, replay, position, digest)
    WHERE c.webhook_id = u.webhook_id AND c.replay = u.replay"""
RETRIES = """
    INSERT INTO webhook_retries (webhook_id, replay, lane, after, until, failures, next_at)
    SELECT webhook_id, replay, lane, after, until, failures, next_at
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::int[], $7::timestamptz[])
        AS u (webhook_id, replay, lane, after, until, failures, next_at)
    ON CONFLICT (webhook_id, replay, lane) DO UPDATE SET after = excluded.after, until = excluded.until,
        failures = excluded.failures, next_at = excluded.next_at"""
RELEASED = """
    DELETE FROM webhook_retries AS r
    USING unnest($1::bigint[], $2::bigint[], $3::text[]) AS u (webhook_id, replay, lane)
    WHERE r.webhook_id = u.webhook_id AND r.replay = u.replay AND r.lane = u.lane"""
FINISHED = """
    DELETE FROM webhook_cursors AS c USING unnest($1::bigint[], $2::bigint[]) AS u (webhook_id, replay)
    WHERE c.webhook_id = u.webhook_id AND c.replay = u.replay"""
# Where somebody was erased before it was known that the endpoint had got something, it hears of that, too.
CUSTOMERS = f"""
    WITH new AS (
        INSERT INTO webhook_customers (webhook_id, customer_id)
        SELECT webhook_id, customer_id FROM unnest($1::bigint[], $2::bigint[]) AS u (webhook_id, customer_id)
        ON CONFLICT DO NOTHING RETURNING webhook_id, customer_id),
    erased AS (
        SELECT new.webhook_id, new.customer_id, e.notification_id FROM new
        JOIN stream_keys AS k ON k.originator_id = customer_stream(new.customer_id) AND k.destroyed_at IS NOT NULL
        CROSS JOIN LATERAL (
            SELECT notification_id FROM stored_events
            WHERE originator_id = k.originator_id AND topic IN {stored_as(CustomerErased)}
            ORDER BY originator_version DESC LIMIT 1) AS e),
    noted AS (
        INSERT INTO webhook_erasures (webhook_id, customer_id, position, is_ahead)
        SELECT webhook_id, customer_id, notification_id, true FROM erased ON CONFLICT DO NOTHING
        RETURNING webhook_id, customer_id, position)
    INSERT INTO webhook_ahead (webhook_id, position, until, kind, customer_id)
    SELECT webhook_id, position, position, 'erased', customer_id FROM noted ON CONFLICT DO NOTHING"""
AHEAD_DONE = "DELETE FROM webhook_ahead WHERE id = ANY($1)"
AHEAD_FAILED = """
    UPDATE webhook_ahead AS a SET failures = u.failures, next_at = u.next_at
    FROM unnest($1::bigint[], $2::int[], $3::timestamptz[]) AS u (id, failures, next_at) WHERE a.id = u.id"""
ERASURES = """
    INSERT INTO webhook_erasures AS e (webhook_id, customer_id, position, sent_at, acknowledged_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (customer_id, webhook_id) DO UPDATE SET sent_at = coalesce(e.sent_at, excluded.sent_at),
        acknowledged_at = coalesce(e.acknowledged_at, excluded.acknowledged_at)"""
FAILING = """
    UPDATE webhook_endpoints AS e SET failing_since = u.failing_since
    FROM unnest($1::bigint[], $2::timestamptz[]) AS u (webhook_id, failing_since) WHERE e.webhook_id = u.webhook_id"""

COUNT = """
    UPDATE webhook_endpoints AS e SET succeeded = e.succeeded + u.succeeded, failed = e.failed + u.failed
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u (webhook_id, succeeded, failed)
    WHERE e.webhook_id = u.webhook_id"""


class Run(NamedTuple):
    """One cursor of an endpoint: `replay` is 0 for new events."""

    webhook_id: int
    replay: int
    until: int | None
    progress: Progress


class Attempt(NamedTuple):
    """A row of webhook_attempts, its fields in the order of ATTEMPT."""

    webhook_id: int
    position: int
    until: int
    events: int
    positions: list[int] | None
    digest: bytes
    type: str
    customer_id: int | None
    kind: Kind
    attempt: int
    at: datetime
    milliseconds: int
    status: int | None
    error: str
    answer: bytes


class Recorder:
    """Alone on its connection, on which statements take turns."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._has_failed = False
        self._runs: dict[tuple[int, int], Run] = {}
        self._saved: dict[tuple[int, int], int] = {}
        self._finished: list[tuple[int, int]] = []
        self._known: set[tuple[int, int]] = set()
        self._customers: set[tuple[int, int]] = set()
        self._attempts: list[Attempt] = []
        self._ahead: dict[int, tuple[int, datetime] | None] = {}
        self._erasures: list[tuple[Any, ...]] = []
        self._failing: dict[int, datetime | None] = {}

    async def go_on(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.flush()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """The connection in a transaction, after all that is known so far was written."""
        async with self._turn:
            await self._save()
            async with self._connection.transaction():
                yield self._connection

    async def _save(self) -> None:
        """Writes all that is noted, also for a caller that is cancelled meanwhile. Raises ConnectionError.

        Once that has failed nothing more is written: cursors would pass retries that are not there.
        """
        if self._has_failed:
            raise ConnectionError("the state of deliveries could not be written before")
        writing = asyncio.create_task(self._in_transaction())
        try:
            await asyncio.shield(writing)
        finally:
            await asyncio.wait([writing])
            self._has_failed = writing.cancelled() or writing.exception() is not None

    async def _in_transaction(self) -> None:
        async with self._connection.transaction():
            await self._write(self._connection)

    async def flush(self) -> None:
        if self._has_news():
            async with self._turn:
                await self._save()

    def _has_news(self) -> bool:
        noted = self._attempts, self._ahead, self._erasures, self._failing, self._finished
        return any(noted) or any(
            run.progress.position != self._saved[key] or run.progress.changed for key, run in self._runs.items()
        )

    def follow(self, run: Run) -> None:
        """Save the cursor from now on, and its retries."""
        self._runs[run.webhook_id, run.replay] = run
        self._saved[run.webhook_id, run.replay] = run.progress.position

    def leave(self, run: Run, *, has_ended: bool = False) -> None:
        """Save it no longer; the range has ended, or this process is no longer to deliver it."""
        self._runs.pop((run.webhook_id, run.replay), None)
        if has_ended:
            self._finished.append((run.webhook_id, run.replay))

    def attempted(self, attempt: Attempt, messages: Iterable[WebhookMessage]) -> None:
        self._attempts.append(attempt)
        for message in messages:
            if message.type != ERASED:
                self._customers.update((attempt.webhook_id, id_) for id_ in message.customers)

    def erasure(self, webhook_id: int, message: WebhookMessage, sent: datetime, acknowledged: datetime | None) -> None:
        self._erasures.append((webhook_id, message.customer_id, message.position, sent, acknowledged))

    def ahead(self, id_: int, failed: tuple[int, datetime] | None) -> None:
        """It was delivered; or it has failed so often, and is sent again at a time."""
        self._ahead[id_] = failed

    def failing(self, webhook_id: int, since: datetime | None) -> None:
        self._failing[webhook_id] = since

    async def _write(self, on: asyncpg.Connection) -> None:
        """What is noted by now, cursors last: what they have passed is written with them, or before."""
        attempts, self._attempts = self._attempts, []
        customers, self._customers = self._customers - self._known, set()
        ahead, self._ahead = self._ahead, {}
        erasures, self._erasures = self._erasures, []
        failing, self._failing = self._failing, {}
        finished, self._finished = self._finished, []
        cursors, retries, released = self._moved()
        if attempts:
            await on.copy_records_to_table("webhook_attempts", records=attempts, columns=ATTEMPT)
            await on.execute(COUNT, *_columns(_counts(attempts)))
        if customers:
            await on.execute(CUSTOMERS, *_columns(sorted(customers)))
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            self._known |= customers
        if done := [id_ for id_, failed in ahead.items() if failed is None]:
            await on.execute(AHEAD_DONE, done)
        if failed := [(id_, *failed) for id_, failed in ahead.items() if failed is not None]:
            await on.execute(AHEAD_FAILED, *_columns(failed))
        if erasures:
            await on.executemany(ERASURES, erasures)
        if failing:
            await on.execute(FAILING, list(failing), list(failing.values()))
        for statement, rows in ((RETRIES, retries), (RELEASED, released), (CURSORS, cursors), (FINISHED, finished)):
            if rows:
                await on.execute(statement, *_columns(rows))

    def _moved(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Rows of cursors that have moved, of retries, and of lanes that have none any more."""
        cursors, retries, released = [], [], []
        for key, run in self._runs.items():
            progress = run.progress
            if progress.position != self._saved[key]:
                self._saved[key] = progress.position
                cursors.append((*key, progress.position, progress.digest))
            for lane in progress.changed:
                if retry := progress.retries.get(lane):
                    retries.append((*key, lane, retry.after, retry.until, retry.failures, retry.next_at))
                else:
                    released.append((*key, lane))
            progress.changed.clear()
        return cursors, retries, released


def _counts(attempts: list[Attempt]) -> list[tuple[int, int, int]]:
    """How many of each endpoint succeeded, and how many failed."""
    all_: Counter[int] = Counter()
    succeeded: Counter[int] = Counter()
    for each in attempts:
        all_[each.webhook_id] += 1
        succeeded[each.webhook_id] += is_success(each.status)
    return [(id_, succeeded[id_], count - succeeded[id_]) for id_, count in all_.items()]


def _columns(rows: list[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
