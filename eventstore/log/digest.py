"""An event's digest: SHA-256 over that of its predecessor in the stream and over the event itself, as it is stored.

The event goes in as PostgreSQL sends it as a row, so that what Python writes can be checked without Python:
`sha256(coalesce(predecessor.digest, '') || EVENT)`.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from typing import TypeAlias

# Stream, version, topic, state, when it happened, actor, request, correlation, customer, former customer.
Stored: TypeAlias = tuple[bytes, int, str, bytes, datetime, str, str, str, int | None, int | None]

# Of `stored_events AS e`. Position and time of recording are not known before the insert: checkpoints hold them.
EVENT = """record_send(ROW(e.originator_id, e.originator_version, e.occurred_at, e.customer_id, e.former_customer_id,
    e.topic, e.state, e.actor, e.request_id, e.correlation_id))"""
NONE = b""  # in the place of a predecessor's, for the first event of a stream and for one after an event without digest

_BIGINT, _BYTEA, _TEXT, _TIMESTAMPTZ, _UUID = 20, 17, 25, 1184, 2950  # PostgreSQL's numbers of these types
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# The number of columns, then for each column its type, its length or -1 for NULL, and its bytes.
_start = Struct(">i ii16s iiq iiq").pack
_id = Struct(">iiq").pack
_length = Struct(">ii").pack
_NULL_ID = _length(_BIGINT, -1)


def digest(previous: bytes, event: Stored) -> bytes:
    """The digest of an event that is about to be stored; `previous` is its predecessor's, or NONE."""
    id_, version, topic, state, occurred_at, actor, request_id, correlation_id, customer_id, former_customer_id = event
    at = (occurred_at - _EPOCH) // _MICROSECOND
    name, who, request, correlation = topic.encode(), actor.encode(), request_id.encode(), correlation_id.encode()
    return sha256(
        b"".join(
            (
                previous,
                _start(10, _UUID, 16, id_, _BIGINT, 8, version, _TIMESTAMPTZ, 8, at),
                _NULL_ID if customer_id is None else _id(_BIGINT, 8, customer_id),
                _NULL_ID if former_customer_id is None else _id(_BIGINT, 8, former_customer_id),
                _length(_TEXT, len(name)),
                name,
                _length(_BYTEA, len(state)),
                state,
                _length(_TEXT, len(who)),
                who,
                _length(_TEXT, len(request)),
                request,
                _length(_TEXT, len(correlation)),
                correlation,
            )
        )
    ).digest()
