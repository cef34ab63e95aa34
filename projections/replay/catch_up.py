"""Brings rebuilt rows to a later position: rows about which there are new events are folded again."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import asyncpg

from domain.customer import CustomerErased
from domain.event import Stream
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from eventstore.postgres.sql import stored_as
from eventstore.postgres.stream_ids import MAX_ID, from_uuid, to_uuid
from eventstore.store import Store
from projections.live.words import holders
from projections.replay.build import AT_A_TIME, fold_ids, load
from projections.replay.registry import SET_POSITION, Replay, find, keep_poison
from projections.tables.projection import Part, Projection

FEW = 100

TOUCHED_CUSTOMERS = """
    SELECT DISTINCT id FROM stored_events CROSS JOIN LATERAL (VALUES (customer_id), (former_customer_id)) AS whose (id)
    WHERE notification_id > $1 AND notification_id <= $2 AND id IS NOT NULL"""
# Their orders may belong to others now, without what they held about the erased.
ERASED = f"""
    SELECT customer_id FROM stored_events
    WHERE notification_id > $1 AND notification_id <= $2 AND topic IN {stored_as(CustomerErased)}"""
TOUCHED_STREAMS = """
    SELECT DISTINCT originator_id FROM stored_events
    WHERE notification_id > $1 AND notification_id <= $2 AND originator_id BETWEEN $3 AND $4"""
OF_REPLAY = """
    SELECT id FROM unnest($1::bigint[]) AS id
    WHERE id <= (
        SELECT high FROM replay_ranges WHERE replay_id = $2 AND part = $3 AND low <= id ORDER BY low DESC LIMIT 1)"""


class Tables(NamedTuple):
    """The tables of some projections in a schema."""

    schema: str
    projections: Sequence[Projection[Any]]


async def catch_up(connection: Connection, log: Log, replay: Replay, tables: Tables, until: int) -> int:
    """Bring tables from the replay's position to another, in the connection's transaction.

    Returns how many customers, users and labels had changed.
    """
    changed = 0
    for part in dict.fromkeys(projection.part for projection in tables.projections):
        ids = await _touched(connection, part, replay.position, until)
        if not replay.is_whole:
            ids = [row[0] for row in await connection.fetch(OF_REPLAY, ids, replay.id, part)]
        for start in range(0, len(ids), AT_A_TIME):
            some = ids[start : start + AT_A_TIME]
            folded = await fold_ids(connection, log, replay, part, some, until=until)
            await keep_poison(connection, replay.id, folded.poison)
            for projection in tables.projections:
                if projection.part == part:
                    await _remove(connection, projection, tables.schema, some, folded.rows[projection.name])
            await load(connection, tables.projections, folded, tables.schema)
        changed += len(ids)
    await connection.execute(SET_POSITION, replay.id, until)
    return changed


async def catch_up_almost(store: Store, id_: int, tables: Tables) -> None:
    """Catches up until little is left for the moment in which others wait."""
    changed = FEW + 1
    while changed > FEW:
        # An erasure deletes rows from these tables, too, and in another order.
        with suppress(asyncpg.DeadlockDetectedError):
            async with store.pool.acquire() as connection, connection.transaction():
                replay = await find(connection, id_)
                changed = await catch_up(connection, store.log, replay, tables, await store.log.head(connection))


async def _remove(
    connection: Connection, projection: Projection[Any], schema: str, owners: Sequence[int], ids: Iterable[int]
) -> None:
    """The rows of these customers, users or labels, and those with these ids, whoever has them."""
    table = f"{schema}.{projection.name}"
    await connection.execute(f"DELETE FROM {table} WHERE {projection.owner} = ANY($1)", owners)
    await connection.execute(f"DELETE FROM {table} WHERE id = ANY($1)", list(ids))


async def _touched(connection: Connection, part: Part, after: int, until: int) -> list[int]:
    if part == "customer":
        touched = {row[0] for row in await connection.fetch(TOUCHED_CUSTOMERS, after, until)}
        erased = [row[0] for row in await connection.fetch(ERASED, after, until)]
        return sorted(touched | (await holders(connection, erased) if erased else set()))
    ends = to_uuid(Stream(part, 0)), to_uuid(Stream(part, MAX_ID))
    return [from_uuid(row[0]).id for row in await connection.fetch(TOUCHED_STREAMS, after, until, *ends)]
