"""What of the database is in a backup, and how it gets out and in: by COPY, which every version of PostgreSQL speaks.

The log and its keys are in it, those who have application passwords, and what was answered under Idempotency-Keys. All
else follows from the log.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import sha256

from eventstore.backup.sealed_file import (
    BackupEnd,
    BackupError,
    BackupPart,
    BackupRows,
    BackupTable,
    Block,
    PartName,
    Sum,
)
from eventstore.postgres.connection import Connection, Executor

# Each by its key, so that two copies of the same rows are the same bytes. Answers are said in clear, and passwords are
# guarded by a secret in store_keys: these are with the keys.
EVENTS = {
    "stored_events": "notification_id",
    "checkpoints": "number",
    # Without these, webhooks would begin anew, and nobody would know who has to hear of an erasure.
    "webhook_cursors": "webhook_id, replay",
    "webhook_endpoints": "webhook_id",
    "webhook_retries": "webhook_id, replay, lane",
    "webhook_ahead": "id",
    "webhook_customers": "customer_id, webhook_id",
    "webhook_erasures": "customer_id, webhook_id",
}
KEYS = {
    "master_keys": "id",
    "stream_keys": "originator_id, since",
    "store_keys": "name",
    "credentials": "login, name",
    "answers": "actor, key",
}
PARTS: dict[PartName, dict[str, str]] = {"events": EVENTS, "keys": KEYS}
# Follows from the log, is of use for a while only, or is of the database itself.
LEFT_OUT = frozenset({
    "claims", "inherited_events", "snapshots", "snapshot_rows", "read_models",
    "replays", "replay_ranges", "replay_poison", "verifications", "verification_jobs", "drift", "drifting_figures",
    "figures_by_day", "figures_by_day_until", "relays", "login_failures", "rate_limits", "sessions", "sign_in_links",
    "webhook_attempts", "migrations", "notification_tracking",
})  # fmt: skip
PIECE = 1 << 20  # bytes

COLUMNS = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"""
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
STORE = "SELECT encode(digest, 'hex') FROM stored_events ORDER BY notification_id LIMIT 1"
HEAD = "SELECT coalesce(max(notification_id), 0) FROM stored_events"


async def store_id(on: Executor) -> str:
    """The digest of the first event, by which two stores are told apart; "none" of an empty one."""
    return await on.fetchval(STORE) or "none"


async def copy_out(
    on: Connection, tables: dict[str, str], rebuilt: dict[str, int], write: Callable[[Block], None]
) -> None:
    """All blocks of a part, as the connection's transaction sees the tables."""
    sums = {}
    for table, order in tables.items():
        columns = await columns_of(on, table)
        write(BackupTable(table, columns))
        sums[table] = await _copy(on, table, columns, order, lambda piece: write(BackupRows(piece)))
    sequences = {row["sequencename"]: row["last_value"] for row in await on.fetch(SEQUENCES)}
    write(BackupEnd(sums, sequences, rebuilt, await on.fetchval(HEAD)))


async def sum_of(on: Connection, table: str, columns: list[str], order: str) -> Sum:
    return await _copy(on, table, columns, order, lambda _piece: None)


async def columns_of(on: Connection, table: str) -> list[str]:
    return [row[0] for row in await on.fetch(COLUMNS, f"public.{table}")]


async def _copy(on: Connection, table: str, columns: list[str], order: str, write: Callable[[bytes], None]) -> Sum:
    held, digest = bytearray(), sha256()

    async def take(data: bytes) -> None:
        held.extend(data)
        digest.update(data)
        if len(held) >= PIECE:
            write(bytes(held))
            held.clear()

    # The names are those of the tables above, and of their columns.
    query = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}"
    status = await on.copy_from_query(query, output=take, format="binary")
    if held:
        write(bytes(held))
    return Sum(int(status.removeprefix("COPY ")), digest.hexdigest())


async def copy_in(on: Connection, part: BackupPart) -> None:
    """All rows of a part. Raises BackupError where they are not in the database afterwards as they were."""
    blocks = part.blocks()
    block: Block | None = next(blocks)
    while isinstance(block, BackupTable):
        table, pieces = block, _Pieces(blocks)
        if unknown := set(table.columns) - set(await columns_of(on, table.name)):
            columns = f"{table.name}.{', '.join(sorted(unknown))}"
            raise BackupError(f"{part.path} is of version {part.header.version}, which is newer: it has {columns}.")
        await on.copy_to_table(table.name, source=pieces.read(), columns=table.columns, format="binary")
        block = pieces.after
        order = PARTS[part.header.part][table.name]
        if await sum_of(on, table.name, table.columns, order) != part.end.tables[table.name]:
            raise BackupError(f"{table.name} is not in the database as it is in {part.path}.")


class _Pieces:
    """The rows of one table; `after` is the block that comes next."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self.after: Block | None = None

    async def read(self) -> AsyncIterator[bytes]:
        for block in self._blocks:
            if not isinstance(block, BackupRows):
                self.after = block
                return
            yield block.data
