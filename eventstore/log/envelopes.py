"""An event and its row: encoded and sealed on the way in, opened and decoded on the way out."""

from collections.abc import Iterable
from datetime import datetime

import asyncpg
import msgspec
from eventsourcing.persistence import MapperDeserialisationError

from domain.event import Event, Recorded, Stream
from eventstore.log.codec import Codec
from eventstore.log.digest import NONE, digest
from eventstore.postgres.json import encode
from eventstore.postgres.stream_ids import from_uuid, to_bytes
from eventstore.sealing.master_keys import MasterKeyError
from eventstore.sealing.payloads import (
    FORGOTTEN,
    DataKey,
    KeyMissingError,
    SealError,
    Sealing,
    bound,
    has_sealed_words,
    is_sealed,
    seal,
    seal_words,
    unseal,
    unseal_words,
)

# Of `readable_events`: the last three are of the key.
COLUMNS = """originator_id, originator_version, topic, state, notification_id, occurred_at, recorded_at,
    actor, request_id, correlation_id, customer_id, former_customer_id, digest, since, master_id, wrapped"""


class Row(msgspec.Struct, frozen=True, gc=False):
    """What `append_events` knows of an event."""

    originator_id: str
    originator_version: int
    topic: str
    state: bytes
    digest: bytes
    occurred_at: datetime
    actor: str = ""
    request_id: str = ""
    correlation_id: str = ""
    customer_id: int | None = None
    former_customer_id: int | None = None


class Envelopes:
    """Makes rows of events, and events of rows."""

    def __init__(self, codec: Codec, sealing: Sealing) -> None:
        self.codec = codec
        self.sealing = sealing

    def new_key(self, stream: Stream, since: int) -> DataKey:
        """A key for a stream's events from a version on; `change_keys` must store it with the first one."""
        return self.sealing.new_key(to_bytes(stream), since)

    def rows(
        self, events: Iterable[Recorded], keys: Iterable[DataKey | None], digests: dict[Stream, bytes]
    ) -> list[bytes]:
        """Events, encoded for `append_whole`; each sealed with its key, if it has personal data.

        `digests` holds the digests of the streams' last events, and is updated.
        """
        return [self._row(recorded, key, digests) for recorded, key in zip(events, keys, strict=True)]

    def _row(self, recorded: Recorded, key: DataKey | None, digests: dict[Stream, bytes]) -> bytes:
        topic, state = self.codec.encode(recorded.event)
        id_ = to_bytes(recorded.stream)
        if recorded.event.personal:
            assert key is not None, "a stream with personal data has a key"
            state = seal(key.cipher, bound(id_, recorded.version, topic), state)
        elif key is not None:
            state = seal_words(
                key.cipher, bound(id_, recorded.version, topic), state, self.codec.encode_words(recorded.event)
            )
        rest = (
            recorded.occurred_at,
            recorded.actor,
            recorded.request_id,
            recorded.correlation_id,
            recorded.customer_id,
            recorded.former_customer_id,
        )
        previous = digests.get(recorded.stream, NONE)
        digests[recorded.stream] = linked = digest(previous, (id_, recorded.version, topic, state, *rest))
        return encode(Row(id_.hex(), recorded.version, topic, state, linked, *rest))

    def recorded(self, row: asyncpg.Record, words_of: int | None = None) -> Recorded:
        """Decodes a row of COLUMNS. With `words_of` a customer, words about others stay sealed, as if forgotten.

        Raises MapperDeserialisationError.
        """
        topic, state = row[2], row[3]
        has_words = has_sealed_words(state)
        if not (is_sealed(state) or has_words) or (has_words and words_of not in (None, row[10])):
            return enveloped(row, self.codec.decode(topic, state))
        try:
            opened = self._opened(row, has_words=has_words)
        except (SealError, MasterKeyError) as error:
            raise MapperDeserialisationError(f"{topic}: {error}") from error
        return enveloped(row, FORGOTTEN if opened is None else self.codec.decode(topic, opened))

    def _opened(self, row: asyncpg.Record, *, has_words: bool) -> bytes | None:
        """Opens a sealed state; without its key, all but the words, or None. Raises SealError, MasterKeyError."""
        originator_id, version, topic, state = row[0].bytes, row[1], row[2], row[3]
        since, master_id, wrapped = row[13:16]
        if since is None:
            raise KeyMissingError
        if wrapped is None:
            return state if has_words else None
        place = bound(originator_id, version, topic)
        if not has_words:
            return unseal(self.sealing.cipher(originator_id, since, master_id, wrapped), place, state)
        owner = to_bytes(Stream("customer", row[10]))
        return unseal_words(self.sealing.cipher(owner, since, master_id, wrapped), place, state)

    def key(self, row: asyncpg.Record) -> DataKey | None:
        """The key that seals the events after a row of COLUMNS."""
        originator_id, (since, master_id, wrapped) = row[0].bytes, row[13:16]
        if wrapped is None or has_sealed_words(row[3]):  # those have their customer's key
            return None
        return DataKey(since, master_id, wrapped, self.sealing.cipher(originator_id, since, master_id, wrapped))


def enveloped(row: asyncpg.Record, event: Event) -> Recorded:
    """The envelope that a row of COLUMNS gives an event."""
    return Recorded(
        stream=from_uuid(row[0]),
        version=row[1],
        event=event,
        position=row[4],
        occurred_at=row[5],
        recorded_at=row[6],
        actor=row[7],
        request_id=row[8],
        correlation_id=row[9],
        customer_id=row[10],
        former_customer_id=row[11],
        digest=row[12] or NONE,
    )
