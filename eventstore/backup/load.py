"""A backup into an empty store: the log and its keys as they were, and what is told from the log alone."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from domain.event import Decider, Event
from eventstore.backup.claims import rebuild_claims
from eventstore.backup.erase_again import erase_again
from eventstore.backup.sealed_file import BackupError, BackupPart
from eventstore.backup.tables import copy_in
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection

MOMENT = timedelta(minutes=1)  # from destroying a key to its commit: what the events do not have yet
# Not the keys of a store that was only made: nothing is sealed with them, nobody let in by them.
MUST_BE_EMPTY = ("stored_events", "checkpoints", "stream_keys", "credentials", "answers")
OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"""
SEQUENCE = "SELECT setval(to_regclass($1), $2) WHERE to_regclass($1) IS NOT NULL"
# They are of a log that was empty.
READ_MODELS = "SELECT to_regclass('read_models') IS NOT NULL"
REBUILD_ALL = "UPDATE read_models SET fingerprint = ''"
# An answer to what is not in the log would say that it was done.
LATER_ANSWERS = "DELETE FROM answers WHERE answered_at > $1"


def check_pair(events: BackupPart, keys: BackupPart) -> None:
    """Raises BackupError where these keys are not for these events."""
    if events.header.part != "events" or keys.header.part != "keys":
        raise BackupError(f"{events.path} must hold events and {keys.path} keys.")
    if events.header.store not in {keys.header.store, "none"}:
        raise BackupError(f"{keys.path} has the keys of another store.")
    if keys.header.made_at < events.header.made_at:
        raise BackupError(f"{keys.path} is older than {events.path}: the newest events could not be read.")


class Means(NamedTuple):
    """What the aggregates have to say: all of them, and the event that ends a stream of each category of people."""

    deciders: Mapping[str, Decider[Any]]
    erasures: Mapping[str, Event]


async def load(
    on: Connection, log: Log, events: BackupPart, keys: BackupPart, *, noted: Mapping[UUID, datetime], means: Means
) -> int:
    """All or nothing, into migrated tables, of which those of the read models are to be rebuilt.

    Returns how many streams of people had to be erased again: `noted` is whose keys were destroyed when, beside what
    the keys tell. Raises BackupError.
    """
    since = events.header.made_at - MOMENT
    later = [id_ for id_, at in noted.items() if at > since]
    async with on.transaction():
        await _require_empty(on)
        await on.execute("DELETE FROM master_keys")
        await on.execute("DELETE FROM store_keys")
        for part in (events, keys):
            await copy_in(on, part)
            for name, value in part.end.sequences.items():
                await on.fetchval(SEQUENCE, f"public.{name}", value)
        await on.execute(LATER_ANSWERS, events.header.made_at)
        erased = await erase_again(on, log, later, erasures=means.erasures, at=keys.header.made_at)
        await rebuild_claims(on, log, means.deciders)
        if await on.fetchval(READ_MODELS):
            await on.execute(REBUILD_ALL)
    return erased


async def _require_empty(on: Connection) -> None:
    for table in MUST_BE_EMPTY:
        if rows := await on.fetchval(f"SELECT count(*) FROM {table}"):
            raise BackupError(f"The store is not empty: {table} has {rows} rows. A backup goes into an empty one.")
    if others := await on.fetchval(OTHERS):
        raise BackupError(f"{others} other sessions use the database: stop every process that works on it first.")
