"""Snapshots of rows of long streams, for history only: figures are always computed from events."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from eventsourcing.persistence import MapperDeserialisationError

from domain.customer import CustomerErased
from domain.event import Recorded, Stream
from eventstore.log.log import Log
from eventstore.postgres.connection import Executor, Session
from eventstore.postgres.json import encode
from eventstore.postgres.stream_ids import to_uuid
from projections.history.shown import FINGERPRINTS, Key, Rows, Shown, evolve, keys

EVERY = 100

NEWEST_BELOW = """
    SELECT coalesce((
        SELECT s.version FROM snapshots AS s
        WHERE s.originator_id = w.originator_id AND s.version < w.version AND s.fingerprint = w.fingerprint
        ORDER BY s.version DESC LIMIT 1), 0)
    FROM unnest($1::uuid[], $2::bigint[], $3::text[]) WITH ORDINALITY AS w (originator_id, version, fingerprint, place)
    ORDER BY w.place"""
ROWS_AT = """
    SELECT (
        SELECT r.state FROM snapshot_rows AS r
        WHERE (r.originator_id, r.name, r.id) = (w.originator_id, w.name, w.id)
            AND r.version <= w.version AND r.fingerprint = w.fingerprint
        ORDER BY r.version DESC LIMIT 1)
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
        WITH ORDINALITY AS w (originator_id, name, id, version, fingerprint, place)
    ORDER BY w.place"""
KEEP = """
    INSERT INTO snapshots (originator_id, version, fingerprint)
    SELECT $1, version, $3 FROM unnest($2::bigint[]) AS version
    ON CONFLICT (originator_id, version) DO UPDATE SET fingerprint = excluded.fingerprint"""
KEEP_ROWS = """
    INSERT INTO snapshot_rows (originator_id, name, id, version, fingerprint, state)
    SELECT $1, r.name, r.id, r.version, $6, r.state
    FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bytea[]) AS r (name, id, version, state)
    ON CONFLICT (originator_id, name, id, version) DO UPDATE
    SET fingerprint = excluded.fingerprint, state = excluded.state"""
FORGET = "DELETE FROM snapshots WHERE originator_id = ANY($1)"
FORGET_ROWS = "DELETE FROM snapshot_rows WHERE originator_id = ANY($1)"


class Wanted(NamedTuple):
    """A row at a version with a snapshot; 0 is before the first event."""

    stream: Stream
    version: int
    key: Key
    shown: Shown


async def newest_below(on: Session, wanted: Sequence[tuple[Stream, int]]) -> list[int]:
    """The version of each stream's newest snapshot below a version; 0 if there is none."""
    rows = await on.fetch(
        NEWEST_BELOW,
        [to_uuid(stream) for stream, _version in wanted],
        [version for _stream, version in wanted],
        [FINGERPRINTS[stream.category] for stream, _version in wanted],
    )
    return [row[0] for row in rows]


async def rows_at(on: Executor, wanted: Sequence[Wanted]) -> list[Any]:
    """The rows, None where there is none."""
    if not any(each.version for each in wanted):
        return [None] * len(wanted)
    rows = await on.fetch(
        ROWS_AT,
        [to_uuid(each.stream) for each in wanted],
        [each.key.name for each in wanted],
        [each.key.id for each in wanted],
        [each.version for each in wanted],
        [FINGERPRINTS[each.stream.category] for each in wanted],
    )
    return [
        None if state is None else msgspec.json.decode(state, type=each.shown.row_type)
        for each, (state,) in zip(wanted, rows, strict=True)
    ]


async def keep(log: Log, on: Session, events: Sequence[Recorded]) -> None:
    """Make a snapshot of every stream that these events, about to be appended, take to a multiple of EVERY.

    They are all events that the transaction appends. Snapshots of customers and users that they erase, and of their
    orders, are deleted.
    """
    erased = {recorded.stream for recorded in events if recorded.event.outlives_erasure}
    for recorded in events:
        if isinstance(recorded.event, CustomerErased):
            erased.update(Stream("order", id_) for id_ in recorded.event.orders)
    if erased:
        ids = [to_uuid(stream) for stream in erased]
        await on.execute(FORGET, ids)
        await on.execute(FORGET_ROWS, ids)
    for stream in sorted({recorded.stream for recorded in events if recorded.version % EVERY == 0} - erased):
        await _keep(on, log, stream, [recorded for recorded in events if recorded.stream == stream])


async def _keep(on: Session, log: Log, stream: Stream, new: Sequence[Recorded]) -> None:
    """Stores a stream's snapshots, with those that are missing since the newest one."""
    first, last = new[0].version, new[-1].version // EVERY * EVERY
    [base] = await newest_below(on, [(stream, first)])
    # An old event that can't be decoded or applied must not stop commands; a replay reports it.
    try:
        before = await log.stream(on, stream, after=base, until=first - 1)
    except MapperDeserialisationError:
        return
    events = [*before, *(recorded for recorded in new if recorded.version <= last)]
    shown = {key: each for recorded in events for key, each in keys(recorded)}
    found = await rows_at(on, [Wanted(stream, base, key, each) for key, each in shown.items()])
    try:
        kept = _at_each_multiple(dict(zip(shown, found, strict=True)), events)
    except Exception:
        return
    fingerprint = FINGERPRINTS[stream.category]
    await on.execute(KEEP, to_uuid(stream), list(range(base + EVERY, last + 1, EVERY)), fingerprint)
    columns = [list(column) for column in zip(*kept, strict=True)]
    await on.execute(KEEP_ROWS, to_uuid(stream), *columns, fingerprint)


def _at_each_multiple(rows: Rows, events: Iterable[Recorded]) -> list[tuple[str, int, int, bytes | None]]:
    """Name, id, version and state of the rows that have changed since the last multiple."""
    kept: list[tuple[str, int, int, bytes | None]] = []
    changed: set[Key] = set()
    for recorded in events:
        changed.update(touched.key for touched in evolve(rows, recorded))
        if recorded.version % EVERY == 0:
            kept += [(*key, recorded.version, rows[key] and encode(rows[key])) for key in sorted(changed)]
            changed.clear()
    return kept
