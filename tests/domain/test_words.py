"""Every text in an event is sealed with whom it is about, or is named here as a code that is about nobody."""

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from msgspec import Struct

from domain.customer import CustomerErased, CustomerEvent
from domain.event import Event, tag
from domain.events import ERASING, EVENTS
from domain.user import UserErased, UserEvent
from domain.webhook import WebhookDeleted, WebhookEvent

SEALED = {*get_args(CustomerEvent), *get_args(UserEvent), *get_args(WebhookEvent)}
TRANSACTION = ("transaction_type", "vendor_charge_id", "status", "payment_method", "payment_mode", "uuid")
TERMS = (
    "uuid", "currency", "invoice_no", "receipt_number", "type", "mode", "fulfillment_type",
    "shipping_status", "payment_method", "items.fulfillment_type", "items.payment_type",
    *(f"transactions.{name}" for name in TRANSACTION),
)  # fmt: skip
# Whatever is not sealed: numbers and names that machines give, and what the documentation says must name nobody.
CODES = {
    "order-placed": {"shared", *(f"terms.{name}" for name in TERMS)},
    "payment-recorded": {"transaction_id"},
    "refund-recorded": {"transaction_id"},
    "customer-erased": {"reason"},
    "label-created": {"value"},
    "label-renamed": {"value"},
    "webhook-deleted": {"host"},
}


def texts(type_: Any, path: str = "") -> Iterator[str]:
    """Where a text may stand in a value of the type. A choice of words is none, and an object may hold any."""
    if get_origin(type_) is Literal:
        return
    if isinstance(type_, type) and issubclass(type_, Struct):
        for name, hint in get_type_hints(type_).items():
            if name in type_.__struct_fields__:
                yield from texts(hint, f"{path}.{name}".removeprefix("."))
    elif type_ is str or type_ is Any or get_origin(type_) is dict:
        yield path
    elif get_origin(type_) in {Union, types.UnionType, tuple, list}:
        for part in get_args(type_):
            yield from texts(part, path)


def in_words(path: str) -> bool:
    return path.startswith("words.")


@pytest.mark.parametrize("event", EVENTS, ids=tag)
def test_every_text_of_an_event_is_words_or_a_code(event: type[Event]) -> None:
    plain = set() if event.personal else {path for path in texts(event) if not in_words(path)}
    assert plain == CODES.get(tag(event), set())


def test_every_event_of_a_person_or_webhook_is_sealed_but_the_one_that_ends_its_stream() -> None:
    assert {event for event in EVENTS if event.personal or event.outlives_erasure} == SEALED
    assert (
        {event for event in EVENTS if event.outlives_erasure}
        == {CustomerErased, UserErased, WebhookDeleted}
        == set(ERASING)
    )
    assert not any(event.personal for event in ERASING)


def test_an_event_that_does_not_say_whether_it_is_personal_is_no_event() -> None:
    with pytest.raises(TypeError, match="PhoneChanged does not say whether it is personal"):

        class PhoneChanged(Event, frozen=True, kw_only=True, tag="phone-changed"):
            phone: str


def test_words_are_the_last_field_of_their_event_and_no_rule_needs_them() -> None:
    """So that they can be cut off the end of what is stored, and be missing."""
    with_words = [event for event in EVENTS if "words" in event.__struct_fields__]
    assert {tag(event) for event in with_words} == {"order-placed", "refund-recorded"}
    for event in with_words:
        assert event.__struct_fields__[-1] == "words"
        assert event.__struct_defaults__[-1] is None
        assert not event.personal


def test_the_walk_finds_texts_wherever_they_are() -> None:
    [placed] = [event for event in EVENTS if tag(event) == "order-placed"]
    found = {path for path in texts(placed) if in_words(path)}
    assert found == {
        "words.items.title", "words.items.post_title", "words.items.other_info", "words.items.line_meta",
        "words.items.referrer", "words.payment_method_title", "words.config",
    }  # fmt: skip
