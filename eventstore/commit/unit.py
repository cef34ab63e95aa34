"""One attempt at a command: what it has read, and what it has decided on."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from domain.event import Claim, Decider, Recorded, Stream
from domain.refusals import ClaimTaken
from eventstore.commit.claims import HOLDERS
from eventstore.log.log import History
from eventstore.postgres.stream_ids import BEGIN_AFTER, LAST_TO_PASS, from_uuid
from eventstore.reading.reader import Reader
from eventstore.reading.stream_cache import Head, StreamCache, beginning
from eventstore.sealing.payloads import DataKey, KeyMissingError, key_stream

S = TypeVar("S")
NOTHING = History([], {})
NO_CLAIMS: Mapping[Claim, Stream | None] = MappingProxyType({})


class Conflict(Exception):
    """A stream or a row has changed since the command was decided on."""


class Rewrapped(Conflict):
    """The master key was rotated: new keys must be wrapped by the newer one."""


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, when (UTC), and in which request."""

    actor: str
    at: datetime
    request_id: str = ""
    correlation_id: str = ""


class Unit:
    """One attempt at a command: the streams that it has loaded, and the events that it has decided on."""

    def __init__(
        self,
        reads: Reader,
        by: By,
        heads: StreamCache,
        *,
        trusts_new_ids: bool = False,
        locked: Mapping[Claim, Stream | None] = NO_CLAIMS,
    ) -> None:
        self.on = reads.on
        self.by = by
        self.events: list[Recorded] = []
        self.keys: list[DataKey | None] = []  # that seal them
        self.new_keys: list[tuple[Stream, DataKey]] = []
        self.bases: dict[Stream, Head] = {}
        self.deciders: dict[Stream, Decider[Any]] = {}  # of the bases
        self.fresh: set[Stream] = set()  # those bases that this unit has read itself
        self.trusts_new_ids = trusts_new_ids
        self._locked = locked
        self._reads = reads
        self.known = heads
        self._states: dict[Stream, tuple[Any, int]] = {}
        self._keys: dict[Stream, DataKey] = {}
        self._decided: dict[Stream, Decider[Any]] = {}

    async def load(self, decider: Decider[S], id_: int) -> S:
        """The state of a stream, after the events that this unit has decided on."""
        stream = Stream(decider.category, id_)
        known = self._states.get(stream)
        if known is None:
            known = await self._first(decider, stream)
        state: S = known[0]
        return state

    async def _first(self, decider: Decider[Any], stream: Stream) -> tuple[Any, int]:
        head = self.known.newest(stream)
        if head is None:
            await self._read(decider, [stream])
            head = self.known.newest(stream)  # which may be newer than what was read
        if head is not None and head is not self.bases.get(stream):
            self.bases[stream] = head
            self.deciders[stream] = decider
            self.fresh.discard(stream)
            self._states[stream] = head.state, head.version
            self._keep_key(stream, head.key)
        return self._states[stream]

    async def load_many(self, decider: Decider[Any], ids: Iterable[int]) -> list[Recorded]:
        """Read streams that are not loaded yet, in one round trip. Returns their events."""
        return await self._read(decider, {s for id_ in ids if (s := Stream(decider.category, id_)) not in self._states})

    async def _read(self, decider: Decider[Any], streams: Collection[Stream]) -> list[Recorded]:
        history = await self._history(list(streams)) if streams else NOTHING
        events = history.by_stream()
        for stream in streams:
            read = beginning(decider).after(decider, events.get(stream, ()), history.keys.get(stream))
            known = self.known.read(stream, read)
            self.bases[stream] = known if known.end == read.end and known.is_written else read
            self.deciders[stream] = decider
            self._states[stream] = read.state, read.version
            self._keep_key(stream, read.key)
            self.fresh.add(stream)
        return history.events

    def _keep_key(self, stream: Stream, key: DataKey | None) -> None:
        if key is None:
            self._keys.pop(stream, None)
        else:
            self._keys[stream] = key

    async def _history(self, streams: Sequence[Stream]) -> History:
        return await self._reads.streams(streams)

    async def decide(self, decider: Decider[Any], id_: int, command: Any, *, at: datetime | None = None) -> None:
        """Decide on a command; `at` is when it happened, if not now. Raises the domain's refusals."""
        before = await self.load(decider, id_)
        stream = Stream(decider.category, id_)
        by = self.by
        for event in decider.decide(command, before):
            state, version = self._states[stream]
            after = decider.evolve(state, event)
            self._states[stream] = after, version + 1
            self._decided[stream] = decider
            customer, former = decider.customer_of(id_, after), decider.customer_of(id_, state)
            recorded = Recorded(
                stream=stream,
                version=version + 1,
                event=event,
                occurred_at=at or by.at,
                actor=by.actor,
                request_id=by.request_id,
                correlation_id=by.correlation_id,
                customer_id=customer,
                former_customer_id=former if former != customer else None,
            )
            self.events.append(recorded)
            self.keys.append(self._key(recorded))

    def _key(self, recorded: Recorded) -> DataKey | None:
        """The key that seals the event: its stream's, made if need be; for words their customer's, which was loaded."""
        stream, owner = recorded.stream, key_stream(recorded)
        if recorded.event.outlives_erasure:
            self._keys.pop(stream, None)
        if owner is None:
            return None
        if owner not in self._keys:
            if owner != stream:
                raise KeyMissingError
            self._keys[stream] = key = self._reads.log.new_key(stream, recorded.version)
            self.new_keys.append((stream, key))
        return self._keys[owner]

    async def new_id(self, decider: Decider[Any]) -> int:
        """An id that no stream of this kind has had. It may go unused."""
        [id_] = await self.new_ids(decider, 1)
        return id_

    async def new_ids(self, decider: Decider[Any], count: int) -> list[int]:
        """New ids, many at once."""
        free: list[int] = []
        while missing := count - len(free):
            ids = await self.next_ids(decider.category, missing)
            if self.trusts_new_ids:
                self._believe_free(decider, ids)
            else:
                await self.load_many(decider, ids)
            free += [id_ for id_ in ids if await self.load(decider, id_) is decider.initial]
        return free

    def _believe_free(self, decider: Decider[Any], ids: Iterable[int]) -> None:
        """Take ids as free, unread. One that an import has used is found when the command is written."""
        for id_ in ids:
            stream = Stream(decider.category, id_)
            self.bases[stream] = beginning(decider)
            self.deciders[stream] = decider
            self._states[stream] = decider.initial, 0

    async def next_ids(self, kind: str, count: int) -> list[int]:
        """New ids for streams, or for parts of them: address, item."""
        return await self._reads.next_ids(kind, count)

    async def pass_id(self, kind: str, id_: int) -> None:
        """Make new ids start after one that came from outside, if that leaves room for them."""
        if id_ <= LAST_TO_PASS:
            await self.on.execute(BEGIN_AFTER.format(kind=kind), id_)

    async def holders(self, claims: Collection[Claim]) -> dict[Claim, Stream]:
        """The streams that hold these claims; free ones are left out. Locked ones are known already."""
        held = {claim: holder for claim in claims if (holder := self._locked.get(claim)) is not None}
        if rest := [claim for claim in claims if claim not in self._locked]:
            rows = await self.on.fetch(HOLDERS, [claim.kind for claim in rest], [claim.value for claim in rest])
            held |= {Claim(kind, value): from_uuid(originator_id) for kind, value, originator_id in rows}
        return held

    def claims(self) -> tuple[dict[Claim, Stream], dict[Claim, Stream]]:
        """The claims that the decided events take and free, with their streams. Raises ClaimTaken when two take one."""
        taken: dict[Claim, Stream] = {}
        freed: dict[Claim, Stream] = {}
        for stream, decider in self._decided.items():
            former, current = decider.claims(self.bases[stream].state), decider.claims(self._states[stream][0])
            if former != current:
                for claim in current - former:
                    if taken.setdefault(claim, stream) != stream:
                        raise ClaimTaken(*claim)
                freed |= dict.fromkeys(former - current, stream)
        return taken, freed

    def heads(self, digests: Mapping[Stream, bytes]) -> dict[Stream, Head]:
        """The heads of the changed streams, once the events are written."""
        return {
            stream: Head(*self._states[stream], digests[stream], self._keys.get(stream), is_written=False)
            for stream in self._decided
        }

    def is_newest(self) -> bool:
        """Whether its bases are the newest heads that this process knows."""
        return all((newest := self.known.newest(s)) is None or newest is base for s, base in self.bases.items())

    def is_fresh(self) -> bool:
        """Whether it has read all its bases itself."""
        return self.bases.keys() <= self.fresh
