"""Webhooks, and how much a replay would send to one."""

from typing import cast

from eventstore.postgres.connection import Executor
from projections.models.webhooks import WEBHOOKS, WebhookRow
from projections.tables.view import View

FIND = f"SELECT {WEBHOOKS.table.written} FROM webhooks WHERE id = $1"
EVERY = f"SELECT {WEBHOOKS.table.written} FROM webhooks ORDER BY id"
COUNT = "SELECT count(*) FROM webhooks"
VERSION = "SELECT version FROM webhooks WHERE id = $1 FOR UPDATE"
# A label that was deleted may still be in a customer's list, and means nothing.
WANTED = """
    SELECT count(e.notification_id) FROM webhooks AS w LEFT JOIN stored_events AS e
        ON e.notification_id > $2 AND e.notification_id <= $3
        AND (json_array_length(w.types) = 0
            OR split_part(e.topic, '#', 1) IN (SELECT json_array_elements_text(w.types)))
        AND (w.labels = '{}' OR e.customer_id IN (
            SELECT c.id FROM customers AS c
            WHERE c.labels && ARRAY(SELECT l.id FROM labels AS l WHERE l.id = ANY(w.labels))))
    WHERE w.id = $1 GROUP BY w.id"""


async def find_webhook(on: Executor, id_: int) -> WebhookRow | None:
    if isinstance(on, View) and (row := on.row(WEBHOOKS.name, id_)) is not None:
        return cast("WebhookRow", row)
    record = await on.fetchrow(FIND, id_)
    return None if record is None else WEBHOOKS.table.row(record)


async def every_webhook(on: Executor) -> list[WebhookRow]:
    return [WEBHOOKS.table.row(record) for record in await on.fetch(EVERY)]


async def count_webhooks(on: Executor) -> int:
    count: int = await on.fetchval(COUNT)
    return count


async def find_webhook_version(on: Executor, id_: int) -> int | None:
    """The number of its events. In a transaction, nobody changes it until that ends."""
    if isinstance(on, View) and (row := on.row(WEBHOOKS.name, id_)) is not None:
        return cast("WebhookRow", row).version
    version: int | None = await on.fetchval(VERSION, id_)
    return version


async def count_wanted(on: Executor, id_: int, after: int, until: int) -> int | None:
    """How many events between two positions the webhook lets through, with the labels that customers carry now; None
    where there is no such webhook.
    """
    count: int | None = await on.fetchval(WANTED, id_, after, until)
    return count
