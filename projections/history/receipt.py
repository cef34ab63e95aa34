"""The receipt of an erasure, as the log gives it at any later time."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from domain.customer import CustomerErased
from domain.event import Stream, tag
from eventstore.log.envelopes import COLUMNS
from eventstore.log.log import Log
from eventstore.postgres.connection import Executor
from eventstore.postgres.stream_ids import MAX_ID, from_uuid, to_uuid
from eventstore.sealing.payloads import WORDS

NEWEST = f"SELECT {COLUMNS} FROM readable_events WHERE originator_id = $1 ORDER BY originator_version DESC LIMIT 1"
# Under keys that ended with the erasure: the event after it in a user's stream is the user's own, of the same command.
# Events of orders have their words under the key of the customer that they are about.
SEALED_FOR_GOOD = f"""
    SELECT (
        SELECT count(*) FROM stream_keys AS k
        JOIN stored_events AS e
            ON e.originator_id = k.originator_id AND e.originator_version BETWEEN k.since AND k.until - 1
        WHERE k.originator_id = ANY($1) AND k.wrapped IS NULL AND k.until = (
            SELECT originator_version FROM stored_events AS i
            WHERE i.originator_id = k.originator_id AND notification_id >= $2 ORDER BY originator_version LIMIT 1)
    ) + (
        SELECT count(*) FROM stored_events
        WHERE customer_id = $3 AND notification_id < $2 AND substring(state FOR {len(WORDS)}) = '{WORDS.decode()}'
    )"""

LATELY = """
    SELECT originator_id FROM stream_keys WHERE destroyed_at IS NOT NULL AND originator_id BETWEEN $1 AND $2
    ORDER BY destroyed_at DESC LIMIT $3"""


class Told(NamedTuple):
    """A webhook that is told of the erasure. `host` is where it leads to, or led to; the times are None until then."""

    webhook_id: int
    host: str
    sent_at: datetime | None
    acknowledged_at: datetime | None


class Receipt(msgspec.Struct, frozen=True):
    """`events` of the customer, of its orders and of these users, or their words, can't be opened by anybody."""

    customer_id: int
    erased_at: datetime
    erased_by: str
    request_id: str
    reason: str
    events: int
    users: tuple[int, ...]
    position: int
    told: tuple[Told, ...] = ()


async def receipt(on: Executor, log: Log, customer_id: int) -> Receipt | None:
    """None for a customer that is not erased. Raises MapperDeserialisationError."""
    row = await on.fetchrow(NEWEST, to_uuid(Stream("customer", customer_id)))
    if row is None or row["topic"] not in log.codec.topics(tag(CustomerErased)):
        return None
    recorded = log.recorded(row)
    assert isinstance(recorded.event, CustomerErased), "it has its topic, and is never sealed"
    streams = [recorded.stream, *(Stream("user", user_id) for user_id in recorded.event.users)]
    whose = list(map(to_uuid, streams)), recorded.position, customer_id
    events: int = await on.fetchval(SEALED_FOR_GOOD, *whose)
    return Receipt(
        customer_id=customer_id,
        erased_at=row["recorded_at"],
        erased_by=recorded.actor,
        request_id=recorded.request_id,
        reason=recorded.event.reason,
        events=events,
        users=recorded.event.users,
        position=recorded.position,
    )


async def lately_erased(on: Executor, limit: int) -> list[int]:
    """Customers, the last erased first."""
    ends = to_uuid(Stream("customer", 0)), to_uuid(Stream("customer", MAX_ID))
    return [from_uuid(row[0]).id for row in await on.fetch(LATELY, *ends, limit)]
