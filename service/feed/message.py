"""An event as others get it: a CloudEvent in JSON, made from the log each time that it is sent.

Thin, it names what has changed, and leaves the rest to be fetched. Full, it also has the values.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, cast

from msgspec import UNSET, Meta, Struct, UnsetType

from domain.webhook import WEBHOOK, MessageForm
from eventstore.postgres.json import encode_numbers
from eventstore.postgres.stream_ids import UNKNOWN
from projections.history.pages import Entry
from service.values import BeforeAndAfter, shown_pairs

MAX_BYTES = 20_000
LEFT_OUT = ("changes", "event")
SEQUENCE_DIGITS = 16  # of the largest position, so that texts sort as positions do: CloudEvents wants that of them


class EventData(Struct, kw_only=True):
    """`changed` are the names of the fields that differ; null where that can't be known any more, or not yet: of an
    event about somebody who is erased, and of one that this version can't read.

    A full one has `changes`, the values before and after, and `event`, what the event itself says. Where both would
    make a message too large, and about webhooks, it is thin, and `left_out` names them.
    """

    customer_id: Annotated[int | None, Meta(examples=[7])]
    former_customer_id: int | UnsetType = UNSET
    order_id: int | UnsetType = UNSET
    version: int
    changed: Annotated[list[str] | None, Meta(examples=[["first_name"]])]
    actor: Annotated[str, Meta(examples=["admin"])]
    request_id: str
    changes: Annotated[
        dict[str, BeforeAndAfter] | UnsetType | None, Meta(examples=[{"first_name": ["John", "Jane"]}])
    ] = UNSET
    event: dict[str, Any] | UnsetType | None = UNSET
    left_out: tuple[str, ...] | UnsetType = UNSET


class CloudEvent(Struct, kw_only=True):
    """`id` is the position, and so is `sequence`, with zeros in front. `time` is when it happened, `recordedtime` when
    it was written here. `digest` covers the event and all before it in its stream: after a failover that lost events,
    another event may have the same position, but not the same digest.
    """

    specversion: Annotated[str, Meta(pattern=r"^1\.0$", examples=["1.0"])] = "1.0"
    id: Annotated[str, Meta(examples=["9313"])]
    source: Annotated[str, Meta(examples=["https://store.example/customers"])]
    type: Annotated[str, Meta(examples=["customer-renamed"])]
    subject: Annotated[str, Meta(examples=["customers/7"])]
    time: datetime
    sequence: Annotated[str, Meta(pattern="^[0-9]{16}$", examples=["0000000000009313"])]
    recordedtime: datetime
    digest: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]
    datacontenttype: Annotated[str, Meta(examples=["application/json"])] = "application/json"
    data: EventData


def source(store_url: str) -> str:
    """What names the store as the source of events."""
    return f"{store_url}/customers"


def thin(entry: Entry, source: str) -> bytes:
    return _encoded(entry, source, EventData(**_facts(entry)))


def full(entry: Entry, source: str) -> bytes:
    """Thin where it would be too large, and about webhooks: their addresses may hold secrets, which are for whoever may
    manage them.
    """
    if entry.recorded.stream.category == WEBHOOK.category:
        return _encoded(entry, source, EventData(**_facts(entry), left_out=LEFT_OUT))
    changes = None if entry.changes is None else shown_pairs(entry.changes)
    encoded = _encoded(entry, source, EventData(**_facts(entry), changes=changes, event=entry.data))
    if len(encoded) <= MAX_BYTES:
        return encoded
    return _encoded(entry, source, EventData(**_facts(entry), left_out=LEFT_OUT))


MAKERS: Mapping[MessageForm, Callable[[Entry, str], bytes]] = {"thin": thin, "full": full}


def _facts(entry: Entry) -> dict[str, Any]:
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


def _encoded(entry: Entry, source: str, data: EventData) -> bytes:
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
