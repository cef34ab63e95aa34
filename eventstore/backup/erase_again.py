"""What was erased after the events of a backup were copied is erased again as they are restored."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from domain.event import Event, Recorded
from eventstore.log.log import Log
from eventstore.postgres.answers import FORGET_ANSWERS
from eventstore.postgres.connection import Connection
from eventstore.postgres.stream_ids import from_uuid
from eventstore.sealing.rotation import UNUSED

ACTOR = "restore"

# Keys that are destroyed, or were: they seal the newest event of their stream, so that no erasure comes after it.
LOST = """
    SELECT k.originator_id, newest.version + 1 AS version, coalesce(k.destroyed_at, $2) AS destroyed_at
    FROM stream_keys AS k CROSS JOIN LATERAL (
        SELECT max(originator_version) AS version FROM stored_events WHERE originator_id = k.originator_id
    ) AS newest
    WHERE (k.wrapped IS NULL OR k.originator_id = ANY($1))
        AND k.since <= newest.version AND (k.until IS NULL OR k.until > newest.version)
    ORDER BY destroyed_at, k.originator_id"""
END = """
    UPDATE stream_keys AS k SET wrapped = NULL, until = e.version, destroyed_at = e.at
    FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS e (id, version, at)
    WHERE k.originator_id = e.id AND k.since < e.version AND (k.until IS NULL OR k.until > e.version)"""


async def erase_again(
    on: Connection, log: Log, noted: Collection[UUID], *, erasures: Mapping[str, Event], at: datetime
) -> int:
    """How many streams of people were erased again: those `noted`, and those whose keys are destroyed.

    `erasures` is the event that ends a stream, by category; `at` is when those happened of which nobody knows it.
    """
    found = await on.fetch(LOST, list(noted), at)
    lost = [row for row in found if from_uuid(row["originator_id"]).category in erasures]
    events = [_erasure(row["originator_id"], row["version"], row["destroyed_at"], erasures) for row in lost]
    if events:
        await on.execute(END, *zip(*lost, strict=True))
        await log.append(on, events)
        await on.execute(FORGET_ANSWERS, _ids(events, "customer"), _ids(events, "user"))
    await on.execute(UNUSED)
    return len(events)


def _ids(events: Iterable[Recorded], category: str) -> list[int]:
    return [recorded.stream.id for recorded in events if recorded.stream.category == category]


def _erasure(id_: UUID, version: int, at: datetime, erasures: Mapping[str, Event]) -> Recorded:
    stream = from_uuid(id_)
    customer_id = stream.id if stream.category == "customer" else None
    event = erasures[stream.category]
    return Recorded(stream=stream, version=version, event=event, occurred_at=at, actor=ACTOR, customer_id=customer_id)
