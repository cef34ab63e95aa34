"""Claims are what the events give: they are not in a backup, but told from the log again."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from eventsourcing.persistence import MapperDeserialisationError

from domain.event import Claim, Decider, Forgotten, Stream
from eventstore.log.envelopes import COLUMNS
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from eventstore.postgres.stream_ids import MAX_ID, to_uuid

AT_A_TIME = 1_000
EVENTS = f"""
    SELECT {COLUMNS} FROM readable_events
    WHERE originator_id BETWEEN $1 AND $2 ORDER BY originator_id, originator_version"""


async def rebuild_claims(on: Connection, log: Log, deciders: Mapping[str, Decider[Any]]) -> None:
    """Into an empty table, in the connection's transaction. Of two who would hold the same, the first one does."""
    for category, decider in deciders.items():
        held: dict[Claim, Stream] = {}
        async for stream, state in _states(on, log, decider, category):
            held |= {claim: stream for claim in decider.claims(state) if claim not in held}
        records = [(*claim, to_uuid(stream)) for claim, stream in held.items()]
        await on.copy_records_to_table("claims", records=records, columns=["kind", "value", "originator_id"])


async def _states(on: Connection, log: Log, decider: Decider[Any], category: str) -> AsyncIterator[tuple[Stream, Any]]:
    """The final state of each stream of a category. Events that can't be read change nothing, as forgotten ones."""
    first, last = to_uuid(Stream(category, 0)), to_uuid(Stream(category, MAX_ID))
    stream, state = None, decider.initial
    async for row in on.cursor(EVENTS, first, last, prefetch=AT_A_TIME):
        try:
            recorded = log.recorded(row)
        except MapperDeserialisationError:
            continue
        if recorded.stream != stream:
            if stream is not None:
                yield stream, state
            stream, state = recorded.stream, decider.initial
        if not isinstance(recorded.event, Forgotten):
            state = decider.evolve(state, recorded.event)
    if stream is not None:
        yield stream, state
