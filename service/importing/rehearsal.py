"""Stands for a store in a dry run: it decides and does not write, and later commands see the events of earlier ones."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import count
from typing import TypeVar

import asyncpg

from domain.event import Claim, Recorded, Stream
from domain.refusals import ClaimTaken
from eventstore.log.log import History
from eventstore.postgres.stream_ids import MAX_ID
from eventstore.reading.reader import Reader
from eventstore.reading.stream_cache import StreamCache
from eventstore.sealing.payloads import DataKey
from eventstore.store import By, Conflict, Contended, Store, Unit
from projections.live.projector import project

T = TypeVar("T")


class Rehearsal:
    def __init__(self, store: Store) -> None:
        self.pool = store.pool
        self.log = store.log
        self.decided: dict[Stream, list[Recorded]] = {}
        self.claimed: dict[Claim, Stream] = {}
        self.ids = count(MAX_ID, -1)
        self._by_customer: dict[int | None, list[Recorded]] = {}

    async def transact(self, by: By, work: Callable[[Unit], Awaitable[T]]) -> T:
        unit = _RehearsalUnit(self, by)
        result = await work(unit)
        taken, _freed = unit.claims()  # imports free none
        for claim, holder in (await unit.holders(taken)).items() if taken else ():
            if holder != taken[claim]:
                raise ClaimTaken(*claim)
        await self._try(unit.events)
        for recorded in unit.events:
            self.decided.setdefault(recorded.stream, []).append(recorded)
            self._by_customer.setdefault(recorded.customer_id, []).append(recorded)
        self.claimed.update(taken)
        return result

    async def _try(self, events: list[Recorded]) -> None:
        """Raises what the read models refuse. They are as they were afterwards."""
        customers = {recorded.customer_id for recorded in events if recorded.customer_id is not None}
        before = [recorded for id_ in customers for recorded in self._by_customer.get(id_, ())]
        async with self.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await project(connection, self.log, [*before, *events])
            except (Conflict, asyncpg.DeadlockDetectedError) as error:
                raise Contended from error
            finally:
                await transaction.rollback()


class _RehearsalUnit(Unit):
    def __init__(self, rehearsal: Rehearsal, by: By) -> None:
        super().__init__(Reader(rehearsal.pool, rehearsal.log), by, StreamCache())
        self._rehearsal = rehearsal

    async def _history(self, streams: Sequence[Stream]) -> History:
        events, keys = await super()._history(streams)
        decided = [event for stream in streams for event in self._rehearsal.decided.get(stream, ())]
        return History([*events, *decided], keys)

    async def holders(self, claims: Collection[Claim]) -> dict[Claim, Stream]:
        claimed = self._rehearsal.claimed
        return await super().holders(claims) | {claim: claimed[claim] for claim in claims if claim in claimed}

    async def next_ids(self, _kind: str, count: int) -> list[int]:
        return [next(self._rehearsal.ids) for _ in range(count)]

    async def pass_id(self, kind: str, id_: int) -> None:
        pass

    def _key(self, _recorded: Recorded) -> DataKey | None:
        """Nothing is sealed that is not written."""
        return None
