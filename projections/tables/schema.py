"""The read models' tables. A table whose shape or meaning has changed is rebuilt from events."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from domain.text import folding
from eventstore.postgres import migrate
from eventstore.postgres.connection import Connection, Executor
from eventstore.postgres.migrate import Owner, SchemaError
from projections.tables.projection import Projection

BUILT = "SELECT name, fingerprint FROM read_models"
RECORD = """
    INSERT INTO read_models (name, fingerprint) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, built_at = now()"""

UNBUILT = ""  # the fingerprint of a table that is there, and must be rebuilt, however often that is interrupted


def fingerprint(projection: Projection[Any]) -> str:
    """A text that changes with the table's SQL, the projection's version, and the rule by which text is folded."""
    said = "\n".join([projection.table.create, *projection.table.index, str(projection.version), str(folding.VERSION)])
    return hashlib.sha256(said.encode()).hexdigest()


async def create(
    connection: Connection, projection: Projection[Any], schema: str, rows: Iterable[msgspec.Struct]
) -> None:
    """Make the table in a schema, which is the first of the search path, load it, and then index it."""
    await connection.execute(projection.table.create)
    await projection.table.copy(connection, rows, schema)
    for statement in projection.table.index:
        await connection.execute(statement)
    await connection.execute(f"ANALYZE {projection.name}")


async def record_fingerprint(connection: Connection, projection: Projection[Any]) -> None:
    await connection.execute(RECORD, projection.name, fingerprint(projection))


async def require_fit(on: Executor, owners: Iterable[Owner], projections: Iterable[Projection[Any]]) -> None:
    """Raises SchemaError where this version can't read and write the tables in the database."""
    await migrate.require_fit(on, owners)
    built = {row["name"]: row["fingerprint"] for row in await on.fetch(BUILT)}
    for projection in projections:
        if built.get(projection.name) != fingerprint(projection):
            raise SchemaError(f"The read model {projection.name} is not built, or is of another version of Custodiary.")


async def outdated(connection: Connection, projections: Iterable[Projection[Any]]) -> list[str]:
    """Create the tables that are missing, empty; the names of those that must be rebuilt."""
    async with connection.transaction():
        built = {row["name"]: row["fingerprint"] for row in await connection.fetch(BUILT)}
        nothing_to_build = await connection.fetchval("SELECT NOT EXISTS (SELECT FROM stored_events)")
        for projection in projections:
            if projection.name not in built:
                await create(connection, projection, "public", [])
                built[projection.name] = fingerprint(projection) if nothing_to_build else UNBUILT
                await connection.execute(RECORD, projection.name, built[projection.name])
    return [projection.name for projection in projections if built[projection.name] != fingerprint(projection)]
