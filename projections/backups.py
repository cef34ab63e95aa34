"""A store into a backup, and a backup into an empty store, whose read models are rebuilt."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import IO, NamedTuple
from uuid import UUID

from domain.customer import CustomerErased
from domain.events import DECIDERS, EVENTS
from domain.user import UserErased
from domain.webhook import WebhookDeleted
from eventstore.backup.load import Means, check_pair, load
from eventstore.backup.sealed_file import BackupPart, BackupWriter, PartName
from eventstore.backup.tables import PARTS, copy_out, store_id
from eventstore.chain.dump import blocks
from eventstore.chain.faults import Fault
from eventstore.chain.verify import Verifier
from eventstore.log.codec import Codec
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from eventstore.postgres.migrate import Owner, one_at_a_time
from eventstore.postgres.migrate import migrate as migrate_tables
from eventstore.postgres.servers import Servers
from eventstore.sealing.master_keys import MasterKeys
from eventstore.sealing.payloads import Sealing
from eventstore.sealing.stream_keys import settle
from eventstore.store import Store
from projections.database import migrate, open_store
from projections.models import PROJECTIONS

ENDS = {
    "customer": CustomerErased(reason="Erased since this backup was made."),
    "user": UserErased(),
    "webhook": WebhookDeleted(),
}
MEANS = Means(DECIDERS, ENDS)
# Told from the log, and compared with what there was.
REBUILT = ("claims", *(projection.name for projection in PROJECTIONS))


class Restored(NamedTuple):
    """`erased` streams of people were erased again; `rebuilt` is how many rows tables have that had others; `faults`
    are the first that the chain of events shows, in order.
    """

    events: int
    position: int
    erased: int
    differing: dict[str, tuple[int, int]]
    faults: list[Fault]


async def back_up(dsn: str, files: Mapping[PartName, IO[bytes]]) -> None:
    """Both parts of a backup, as of one moment, while everything goes on. Raises MasterKeyError."""
    sealing = Sealing(MasterKeys.from_environment())
    connection = await Servers(dsn).connect()
    try:
        await settle(connection, sealing)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            at: datetime = await connection.fetchval("SELECT now()")
            store, rebuilt = await store_id(connection), await _counts(connection)
            for part, file in files.items():
                writer = BackupWriter(file, sealing, part=part, store=store, at=at)
                await copy_out(connection, PARTS[part], rebuilt, writer.write)
    finally:
        await connection.close()


async def restore(
    dsn: str, owners: Sequence[Owner], events: BackupPart, keys: BackupPart, erased: Mapping[UUID, datetime]
) -> Restored:
    """Into an empty store. Raises BackupError, and then the store is as empty as before."""
    check_pair(events, keys)
    connection = await Servers(dsn).connect()
    try:
        async with one_at_a_time(connection):
            await migrate_tables(connection, owners)
            log = Log(Codec(EVENTS), Sealing(MasterKeys.from_environment()))
            again = await load(connection, log, events, keys, noted=erased, means=MEANS)
    finally:
        await connection.close()
    await migrate(dsn, owners)
    async with open_store(dsn) as store:
        return await _examined(store, events, again)


async def _examined(store: Store, events: BackupPart, again: int) -> Restored:
    """Where somebody was erased again, tables have fewer rows."""
    async with store.pool.acquire() as connection:
        there, then = await _counts(connection), events.end.rebuilt
    differing = {name: (then[name], there[name]) for name in REBUILT if not again and then[name] != there[name]}
    verifier = Verifier()
    faults: list[Fault] = []
    async for block in blocks(store.pool):
        faults += verifier.block(block)
    faults += verifier.end()
    return Restored(verifier.events, await store.log.head(store.pool), again, differing, faults)


async def _counts(on: Connection) -> dict[str, int]:
    # The names are those of our own tables.
    return {name: await on.fetchval(f"SELECT count(*) FROM {name}") for name in REBUILT}
