"""An event as others get it: a CloudEvent in JSON, made from the log each time that it is sent.

Thin, it names what has changed, and leaves the rest to be fetched. Full, it also has the values.
"""

from datetime import datetime
from typing import Any, Literal, TypeAlias, cast

from msgspec import UNSET, Struct, UnsetType

from eventstore.postgres.json import encode_numbers
from eventstore.postgres.stream_ids import UNKNOWN
from projections.history.pages import Entry
from service.values import Pair, shown_pairs

Form: TypeAlias = Literal["thin", "full"]

MAX_BYTES = 20_000
LEFT_OUT = ("changes", "event")
SEQUENCE_DIGITS = 16  # of the largest position, so that texts sort as positions do: CloudEvents wants that of them


class Thin(Struct, kw_only=True):
    """`changed` are the names of the fields that differ; None where that can't be known any more, or not yet: of an
    event about somebody who is erased, and of one that this version can't read.
    """

    customer_id: int | None
    former_customer_id: int | UnsetType = UNSET
    order_id: int | UnsetType = UNSET
    version: int
    changed: list[str] | None
    actor: str
    request_id: str


class Full(Thin, kw_only=True):
    """`changes` has the values before and after, `event` what the event itself says. Where both would make a message
    too large, it is thin, and `left_out` names them.
    """

    changes: dict[str, Pair] | UnsetType | None = UNSET
    event: dict[str, Any] | UnsetType | None = UNSET
    left_out: tuple[str, ...] | UnsetType = UNSET


class CloudEvent(Struct, kw_only=True):
    """`id` is the position, and so is `sequence`, with zeros in front. `time` is when it happened, `recordedtime` when
    it was written here. `digest` covers the event and all before it in its stream: after a failover that lost events,
    another event may have the same position, but not the same digest.
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    sequence: str
    recordedtime: datetime
    digest: str
    datacontenttype: Literal["application/json"] = "application/json"
    data: Thin | Full


def source(store_url: str) -> str:
    """What names the store as the source of events."""
    return f"{store_url}/customers"


def thin(entry: Entry, source: str) -> bytes:
    return _encoded(entry, source, Thin(**_data(entry)))


def full(entry: Entry, source: str) -> bytes:
    data = Full(**_data(entry), event=entry.data, changes=None if entry.changes is None else shown_pairs(entry.changes))
    encoded = _encoded(entry, source, data)
    if len(encoded) <= MAX_BYTES:
        return encoded
    return _encoded(entry, source, Full(**_data(entry), left_out=LEFT_OUT))


def _data(entry: Entry) -> dict[str, Any]:
    recorded = entry.recorded
    stream = recorded.stream
    order_id = stream.id if stream.category == "order" else getattr(recorded.event, "order_id", UNSET)
    return {
        "customer_id": recorded.customer_id,
        "former_customer_id": UNSET if recorded.former_customer_id is None else recorded.former_customer_id,
        "order_id": order_id,
        "version": recorded.version,
        "changed": None if entry.changes is None else list(entry.changes),
        "actor": recorded.actor,
        "request_id": recorded.request_id,
    }


def _encoded(entry: Entry, source: str, data: Thin) -> bytes:
    recorded = entry.recorded
    category, id_ = recorded.stream
    message = CloudEvent(
        id=str(recorded.position),
        source=source,
        type=entry.type,
        subject=f"{category}/{id_}" if category == UNKNOWN else f"{category}s/{id_}",
        time=recorded.occurred_at,
        sequence=f"{recorded.position:0{SEQUENCE_DIGITS}}",
        recordedtime=cast("datetime", recorded.recorded_at),
        digest=recorded.digest.hex(),
        data=data,
    )
    return encode_numbers(message)
