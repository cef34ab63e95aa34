"""What people see of deliveries: attempts, how far behind an endpoint is, and who was told of an erasure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg
import msgspec

from eventstore.postgres.connection import Executor
from eventstore.postgres.json import encode
from eventstore.postgres.stream_ids import MAX_ID, to_uuid
from eventstore.store import Store
from service.webhooks.delivery.progress import stream_of
from service.webhooks.delivery.state import Kind, is_success

MOST_COUNTED = 10_000

COLUMNS = """id, webhook_id, position, until, events, type, customer_id, kind, attempt, at, milliseconds, status, error,
    answer"""
OF_ENDPOINT = f"""
    SELECT {COLUMNS} FROM webhook_attempts WHERE webhook_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"""
ABOUT = f"SELECT {COLUMNS} FROM webhook_attempts WHERE customer_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
LATEST_ABOUT = f"""
    SELECT DISTINCT ON (position, webhook_id) {COLUMNS} FROM webhook_attempts
    WHERE customer_id = $1 AND position = ANY($2) ORDER BY position, webhook_id, id DESC"""
FIND = f"SELECT {COLUMNS} FROM webhook_attempts WHERE webhook_id = $1 AND id = $2"
LAST_FAILURE = f"""
    SELECT {COLUMNS} FROM webhook_attempts
    WHERE webhook_id = $1 AND (status IS NULL OR status NOT BETWEEN 200 AND 299) ORDER BY id DESC LIMIT 1"""
RESEND = """
    INSERT INTO webhook_ahead (webhook_id, position, until, positions, kind)
    SELECT webhook_id, position, until, positions, 'resent' FROM webhook_attempts WHERE webhook_id = $1 AND id = $2
    RETURNING id"""
NOTICES = """
    SELECT webhook_id, sent_at, acknowledged_at FROM webhook_erasures WHERE customer_id = $1 ORDER BY webhook_id"""

# Lanes of streams that are no customer's.
LANES = """
    SELECT webhook_id, lane, after FROM webhook_retries
    WHERE webhook_id = ANY($1) AND replay = 0 AND customer_id IS NULL AND lane <> 'store'"""
# What comes after the cursor, what waits in lanes up to it, and what goes ahead: how many, and since when the oldest.
LAG = f"""
    WITH head AS (SELECT coalesce(max(notification_id), 0) AS position FROM stored_events),
    asked AS (
        SELECT c.webhook_id, c.position, u.topics IS NULL AS is_all,
            ARRAY(SELECT json_array_elements_text(u.topics::json)) AS topics
        FROM unnest($1::bigint[], $2::text[]) AS u (webhook_id, topics)
        JOIN webhook_cursors AS c ON c.webhook_id = u.webhook_id AND c.replay = 0)
    SELECT asked.webhook_id, e.succeeded, e.failed, e.failing_since, least(new.oldest, waiting.oldest) AS oldest,
        CASE new.events WHEN {MOST_COUNTED} THEN head.position - asked.position ELSE new.events END
            + waiting.events AS events,
        (SELECT count(*) FROM webhook_retries AS r
         WHERE r.webhook_id = asked.webhook_id AND customer_id IS NOT NULL AND failures > 0) AS customers
    FROM asked CROSS JOIN head
    JOIN webhook_endpoints AS e ON e.webhook_id = asked.webhook_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS events, min(recorded_at) AS oldest FROM (
            SELECT recorded_at FROM stored_events
            WHERE notification_id > asked.position AND (is_all OR topic = ANY(topics))
            ORDER BY notification_id LIMIT {MOST_COUNTED}) AS first) AS new
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(each.events), 0)::bigint AS events, min(each.oldest) AS oldest FROM (
            SELECT count(*) AS events, min(recorded_at) AS oldest FROM webhook_retries AS r
            JOIN stored_events AS s ON s.customer_id = r.customer_id
                AND s.notification_id > r.after AND s.notification_id <= asked.position
            WHERE r.webhook_id = asked.webhook_id AND replay = 0 AND (is_all OR topic = ANY(topics))
            UNION ALL
            SELECT count(*), min(recorded_at) FROM webhook_retries AS r
            JOIN stored_events AS s ON s.notification_id > r.after AND s.notification_id <= asked.position
            WHERE r.webhook_id = asked.webhook_id AND replay = 0 AND lane = 'store' AND (is_all OR topic = ANY(topics))
            UNION ALL
            SELECT count(*), min(recorded_at)
            FROM unnest($3::bigint[], $4::uuid[], $5::bigint[]) AS l (webhook_id, originator_id, after)
            JOIN stored_events AS s ON s.originator_id = l.originator_id AND s.customer_id IS NULL
                AND s.notification_id > l.after AND s.notification_id <= asked.position
            WHERE l.webhook_id = asked.webhook_id AND (is_all OR topic = ANY(topics))
            UNION ALL
            SELECT count(*), min(recorded_at) FROM webhook_ahead AS a
            JOIN stored_events AS s ON s.notification_id = a.position
            WHERE a.webhook_id = asked.webhook_id AND kind <> 'resent') AS each) AS waiting"""
NOW = "SELECT clock_timestamp()"


class DeliveryNotFound(Exception):
    """The endpoint has had no such delivery in the last 30 days."""


class Delivery(msgspec.Struct, frozen=True):
    """One attempt: of an event, or of a batch of `events` from `position` to `until`. Without an answer, `status` is
    None, and `error` says why; `answer` is the first kB of it.
    """

    id: int
    webhook_id: int
    position: int
    until: int
    events: int
    type: str
    customer_id: int | None
    kind: Kind
    attempt: int
    at: datetime
    milliseconds: int
    status: int | None
    error: str
    answer: str

    @property
    def is_success(self) -> bool:
        return is_success(self.status)


class EndpointLag(msgspec.Struct, frozen=True):
    """How far behind an endpoint is: events that it is yet to be sent, and the seconds since the oldest was recorded.

    `customers_held_up` are those whose messages fail, `succeeded` and `failed` all attempts ever; `failing_since` is
    when nothing but failures began. Events that only a filter by label will leave out are counted until they are read.
    """

    lag_events: int
    lag_seconds: float
    customers_held_up: int
    succeeded: int
    failed: int
    failing_since: datetime | None
    last_failure: Delivery | None


class Notice(msgspec.Struct, frozen=True):
    """An endpoint that is told of an erasure: when that was first sent, and when it was acknowledged."""

    webhook_id: int
    sent_at: datetime | None
    acknowledged_at: datetime | None


async def deliveries(on: Executor, webhook_id: int, *, before: int | None = None, limit: int) -> list[Delivery]:
    """Attempts before one, the newest first."""
    return _deliveries(await on.fetch(OF_ENDPOINT, webhook_id, before or MAX_ID, limit))


async def deliveries_about(on: Executor, customer_id: int, *, before: int | None = None, limit: int) -> list[Delivery]:
    """The same for all endpoints, of messages about one customer; of batches nobody knows whom they are about."""
    return _deliveries(await on.fetch(ABOUT, customer_id, before or MAX_ID, limit))


async def latest_about(on: Executor, customer_id: int, positions: Collection[int]) -> list[Delivery]:
    """The last attempt at each endpoint of each of these events about a customer."""
    return _deliveries(await on.fetch(LATEST_ABOUT, customer_id, list(positions)))


async def resend(on: Executor, webhook_id: int, delivery_id: int) -> None:
    """Asks for what an attempt has sent to be sent once more, now, with the same id. Raises DeliveryNotFound."""
    if await on.fetchval(RESEND, webhook_id, delivery_id) is None:
        raise DeliveryNotFound(delivery_id)


async def notices(on: Executor, customer_id: int) -> list[Notice]:
    """Who is told of a customer's erasure."""
    return [Notice(*row) for row in await on.fetch(NOTICES, customer_id)]


async def lags(store: Store, types: Mapping[int, Sequence[str]]) -> dict[int, EndpointLag]:
    """How far behind endpoints are, each with the types that it gets, or none for all. One that was made just now may
    be missing.
    """
    topics = [_topics(store, each) for each in types.values()]
    now: datetime = await store.pool.fetchval(NOW)
    found: dict[int, EndpointLag] = {}
    lanes = [(id_, stream_of(lane), after) for id_, lane, after in await store.pool.fetch(LANES, list(types))]
    of_streams = [(id_, to_uuid(stream), after) for id_, stream, after in lanes if stream is not None]
    columns = [list(column) for column in zip(*of_streams, strict=True)] or [[], [], []]
    unknown = Counter(id_ for id_, stream, _ in lanes if stream is None)  # each has one event at least
    for id_, succeeded, failed, since, oldest, events, customers in await store.pool.fetch(
        LAG, list(types), topics, *columns
    ):
        lag = (now - oldest).total_seconds() if oldest else 0.0
        failures = _deliveries(await store.pool.fetch(LAST_FAILURE, id_))
        found[id_] = EndpointLag(
            events + unknown[id_], lag, customers, succeeded, failed, since, failures[0] if failures else None
        )
    return found


def _topics(store: Store, types: Sequence[str]) -> str | None:
    """Topics in JSON, because PostgreSQL's arrays of arrays all have one length."""
    return encode([topic for type_ in types for topic in store.log.codec.topics(type_)]).decode() if types else None


def _deliveries(rows: Sequence[asyncpg.Record]) -> list[Delivery]:
    return [Delivery(**{**row, "answer": row["answer"].decode("utf-8", "replace")}) for row in rows]
