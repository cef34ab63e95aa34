"""What happened, as the terminal tells it: a sentence for each kind of event, in tables that fit."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, pairwise
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from api.cli.actions.looking import history_table
from api.presentation.story.sentences import Names, event_sentence, sentence
from api.presentation.story.words import many, one_line, with_ids
from domain.address import (
    AddressAdded,
    AddressChanged,
    AddressDetails,
    AddressRemoved,
    AddressRetyped,
    PrimaryAddressSet,
)
from domain.customer import (
    CustomerEmailChanged,
    CustomerErased,
    CustomerMoved,
    CustomerNotesChanged,
    CustomerProfile,
    CustomerRegistered,
    CustomerRelabelled,
    CustomerRenamed,
    CustomerStatusChanged,
    OrderDetailsRecorded,
    UserAttached,
    UserDetached,
)
from domain.event import Event, Forgotten, Recorded, Stream
from domain.label import LabelCreated, LabelDeleted, LabelRenamed
from domain.order import (
    OrderDeleted,
    OrderPlaced,
    OrderStatusChanged,
    OrderTransferred,
    PaymentRecorded,
    PaymentStatusChanged,
    RefundRecorded,
)
from domain.terms import OrderDetails, RefundWords, Terms
from domain.user import UserDeleted, UserErased, UserProfile, UserProfileChanged, UserRegistered
from domain.webhook import (
    SigningKeys,
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookPaused,
    WebhookReplayed,
    WebhookResumed,
    WebhookSecretRotated,
    WebhookSettings,
    WebhookTested,
)
from projections.history.changes import Changes
from projections.history.pages import Entry, Page, Unreadable
from tests.test_imports import trees

CUSTOMER, ORDER, USER, LABEL = Stream("customer", 7), Stream("order", 12), Stream("user", 3), Stream("label", 2)
WEBHOOK, MAIL = Stream("webhook", 4), WebhookSettings(url="https://mail.example.com/in?token=t")
KEYS = SigningKeys(symmetric=b"s", private=b"p", public=b"q")
NAMES = Names({12: "USD"}, {1: "VIP", 2: "wholesale"})
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PROFILE = CustomerProfile(email="ann@x.example", first_name="Ann")
HOME = AddressDetails(name="Ann Smith", address_1="Main St 1", postcode="00100", city="Rome", country="IT")
TERMS = Terms(
    customer_id=7, uuid="u", currency="USD", total_amount=1_000, created_at=NOW, total_paid=1_000, total_refund=250,
    payment_status="partially_refunded", invoice_no="INV-9", rate=Decimal(1),
)  # fmt: skip

PLACED = "10.00 USD, paid and 2.50 USD refunded."

TOLD: list[tuple[Stream, Event, Changes, str]] = [
    (CUSTOMER, CustomerRegistered(profile=PROFILE, uuid="u", user_id=3), {},
     "Ann <ann@x.example> was registered, with user 3."),
    (CUSTOMER, CustomerRenamed(first_name="Ann", last_name="Smith"), {"last_name": ("Jones", "Smith")},
     "The name went from Ann Jones to Ann Smith."),
    (CUSTOMER, CustomerEmailChanged(email="b@x.example"), {"email": ("a@x.example", "b@x.example")},
     "The email went from a@x.example to b@x.example."),
    (CUSTOMER, CustomerMoved(country="IT", state=None, city="Rome", postcode=None),
     {"country": (None, "IT"), "city": ("Milan", "Rome")},
     "The location changed: country to IT and city from Milan to Rome."),
    (CUSTOMER, CustomerNotesChanged(notes="calls\nback"), {}, "The notes became “calls back”."),
    (CUSTOMER, CustomerNotesChanged(notes=""), {}, "The notes were removed."),
    (CUSTOMER, CustomerStatusChanged(status="archived"), {"status": ("active", "archived")},
     "The status went from active to archived."),
    (CUSTOMER, CustomerRelabelled(labels=(2, 9)), {"labels": ([1], [2, 9])},
     "It got the labels “wholesale” and 9 and lost the label “VIP”."),
    (CUSTOMER, UserAttached(user_id=3), {}, "User 3 was attached."),
    (CUSTOMER, UserDetached(user_id=3), {}, "User 3 was detached."),
    (CUSTOMER, OrderDetailsRecorded(order_id=12, details=OrderDetails(note="ring twice", billing_address=HOME)), {},
     "Order 12 got the note “ring twice” and the billing address Ann Smith, Main St 1, 00100, Rome, IT."),
    (CUSTOMER, CustomerErased(addresses=(1, 2), orders=(12,), users=(3,), reason="asked by letter"), {},
     "The customer was erased for good, with all that 2 addresses, 1 order and 1 user held, because: asked by letter."),
    (CUSTOMER, AddressAdded(address_id=4, type="billing", details=HOME), {},
     "Billing address 4 was added: Ann Smith, Main St 1, 00100, Rome, IT."),
    (CUSTOMER, AddressChanged(address_id=4, details=HOME), {"city": ("Milan", "Rome"), "phone": ("06 1", "")},
     "Address 4 changed: city from Milan to Rome and phone from 06 1 to nothing."),
    (CUSTOMER, AddressRetyped(address_id=4, type="shipping"), {}, "Address 4 became a shipping address."),
    (CUSTOMER, PrimaryAddressSet(address_id=4, former=2), {},
     "Address 4 became the primary one of its type, instead of address 2."),
    (CUSTOMER, AddressRemoved(address_id=4), {}, "Address 4 was removed."),
    (ORDER, OrderPlaced(terms=TERMS), {},
     f"Order 12 (invoice INV-9) was placed for {PLACED}"),
    (ORDER, PaymentRecorded(amount=1_000, transaction_id="ch_1"), {},
     "10.00 USD were paid for order 12, by transaction ch_1."),
    (ORDER, RefundRecorded(amount=250, transaction_id="re_1", words=RefundWords(reason="broken.")), {},
     "2.50 USD of order 12 were refunded, by transaction re_1, because: broken."),
    (ORDER, OrderStatusChanged(status="completed"), {"status": ("on-hold", "completed")},
     "The status of order 12 went from on-hold to completed."),
    (ORDER, PaymentStatusChanged(payment_status="failed"), {"payment_status": ("pending", "failed")},
     "The payment of order 12 went from pending to failed."),
    (ORDER, OrderTransferred(customer_id=8, former_customer_id=7), {}, "Order 12 went from customer 7 to customer 8."),
    (ORDER, OrderDeleted(), {}, "Order 12 was deleted."),
    (USER, UserRegistered(profile=UserProfile(user_login="ann", user_email="ann@x.example")), {},
     "User 3 was registered: ann <ann@x.example>."),
    (USER, UserProfileChanged(display_name="Ann"), {"display_name": ("", "Ann")},
     "The profile of user 3 changed: display name to Ann."),
    (USER, UserDeleted(), {}, "User 3 was deleted."),
    (USER, UserErased(), {}, "User 3 was erased for good."),
    (LABEL, LabelCreated(value="VIP"), {}, "The label “VIP” was created."),
    (LABEL, LabelRenamed(value="gold"), {"value": ("VIP", "gold")}, "The label “VIP” was renamed to “gold”."),
    (LABEL, LabelDeleted(), {"value": ("VIP", None)}, "The label “VIP” was deleted."),
    (WEBHOOK, WebhookCreated(settings=MAIL, keys=KEYS, since=7), {}, "Webhook 4 to mail.example.com was created."),
    (WEBHOOK, WebhookChanged(settings=MAIL), {"url": ("a", MAIL.url), "form": ("thin", "full")},
     "Webhook 4 changed: its address, now at mail.example.com and form from thin to full."),
    (WEBHOOK, WebhookPaused(reason="asked"), {}, "Webhook 4 was paused."),
    (WEBHOOK, WebhookPaused(reason="gone"), {}, "Webhook 4 was paused: it answered that it is gone for good."),
    (WEBHOOK, WebhookPaused(reason="failing"), {},
     "Webhook 4 was paused: it gave nothing but failures for too long."),
    (WEBHOOK, WebhookResumed(), {}, "Webhook 4 was resumed."),
    (WEBHOOK, WebhookSecretRotated(keys=KEYS, former_until=NOW), {},
     "Webhook 4 got another secret; the former one signs until 2026-03-04 05:06:07."),
    (WEBHOOK, WebhookTested(), {}, "Webhook 4 was sent a test."),
    (WEBHOOK, WebhookReplayed(after=7, until=9), {}, "Webhook 4 was sent the events after 7, up to 9, again."),
    (WEBHOOK, WebhookDeleted(host="mail.example.com"), {}, "Webhook 4 to mail.example.com was deleted."),
    (WEBHOOK, WebhookDeleted(), {}, "Webhook 4 was deleted."),
]  # fmt: skip


PAID = {"total_paid": 1_000, "payment_status": "paid"}
PART = {"total_paid": 400, "payment_status": "partially_paid"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "; its payment is pending"),
        (PAID, ", paid"),
        (PART, ", 4.00 USD paid"),
        (PAID | {"total_refund": 1_000, "payment_status": "refunded"}, ", paid and 10.00 USD refunded"),
        (PART | {"payment_status": "paid"}, ", 4.00 USD paid; its payment is paid"),
        ({"payment_status": "authorized"}, "; its payment is authorized"),
    ],
)
def test_an_order_says_once_what_of_it_was_paid_when_it_was_placed(given: dict[str, Any], told: str) -> None:
    terms = Terms(customer_id=7, uuid="u", currency="USD", total_amount=1_000, created_at=NOW, **given)
    placed = event_sentence(ORDER, OrderPlaced(terms=terms), {}, NAMES)
    assert placed == f"Order 12 was placed for 10.00 USD{told}."


def entry(event: Event, stream: Stream = CUSTOMER, *, actor: str = "ann", changes: Changes | None = None) -> Entry:
    recorded = Recorded(
        stream=stream, version=1, event=event, occurred_at=NOW, actor=actor, customer_id=7, position=1_234_567
    )
    return Entry(recorded, "a-type", {}, changes)


@pytest.mark.parametrize(("stream", "event", "changes", "told"), TOLD, ids=lambda each: type(each).__name__)
def test_an_event_is_told_in_a_sentence(stream: Stream, event: Event, changes: Changes, told: str) -> None:
    assert sentence(entry(event, stream, changes=changes), NAMES) == told


class CustomerGreeted(Event, frozen=True, kw_only=True, tag="customer-greeted"):
    personal = True
    greeting: str


def test_an_event_without_a_sentence_of_its_own_is_told_by_its_name_and_what_it_changed() -> None:
    greeted, nobody = CustomerGreeted(greeting="Hello"), Names({}, {})
    for category in ("customer", "order", "user", "label", "webhook"):
        stream = Stream(category, 7)
        changed = event_sentence(stream, greeted, {"greeting": ("Hi", "Hello")}, nobody)
        assert changed == "Customer greeted: greeting from Hi to Hello."
        assert event_sentence(stream, greeted, {}, nobody) == "Customer greeted."


def test_where_nobody_knows_what_was_before_it_is_told_what_is() -> None:
    for stream, event, _changes, _told in TOLD:
        told = event_sentence(stream, event, {}, Names({}, {}))
        assert told[0].isupper() or told[0].isdigit()
        assert told.endswith(".")
        assert "None" not in told


def test_what_is_forgotten_or_of_another_version_is_told_as_that() -> None:
    assert sentence(entry(Forgotten()), NAMES) == "Something happened that is forgotten: a-type."
    assert sentence(entry(Unreadable()), NAMES) == "Something happened that can't be read here: a-type."


@pytest.mark.parametrize("hostile", ["a\nb\r\tc", "\x1b[2Jgone", "x" * 5_000, "\u202eevil", "名" * 300])
def test_what_somebody_wrote_stays_in_its_sentence(hostile: str) -> None:
    told = sentence(entry(CustomerNotesChanged(notes=hostile)), NAMES)
    assert told.isprintable()
    assert len(told) < 200


@pytest.mark.parametrize("text", ["Ann Smith " * 20, "名前はとても長い" * 12, "x" * 150, "[red]markup[/]"])
@pytest.mark.parametrize("actor", ["ann", "somebody.with.a.long.login@shop.example", "長い名前" * 9])
def test_a_history_fits_a_terminal_of_eighty_columns_and_loses_nothing(text: str, actor: str) -> None:
    page = Page([entry(CustomerNotesChanged(notes=text), actor=actor)], None)
    console = Console(width=80, highlight=False)
    with console.capture() as shown:
        console.print(history_table(page, NAMES, of_store=True))
    assert max(map(cell_len, shown.get().splitlines())) <= 80
    if actor == "ann":
        assert "".join(one_line(text).split()) in "".join(shown.get().split())


# What may follow a value in a sentence and ends in an s; of bytes, a file has more than one.
NO_PLURALS = {
    "address",
    "belongs",
    "bytes",
    "has",
    "is",
    "makes",
    "names",
    "puts",
    "signs",
    "takes",
    "waits",
    "was",
    "wraps",
}


def plurals(tree: ast.AST) -> Iterator[str]:
    """Words that look like plurals and follow a value in an f-string, which may be 1: `many` counts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for before, after in pairwise(node.values):
                text = after.value if isinstance(after, ast.Constant) and isinstance(before, ast.FormattedValue) else ""
                yield from {*re.findall(r"^ ([a-z]+s)\b", str(text))} - NO_PLURALS


def test_no_number_stands_before_a_plural_of_its_own() -> None:
    assert list(plurals(ast.parse('f"{count} orders"'))) == ["orders"]
    spoken = chain(trees("api/cli"), trees("api/presentation/story"), trees("api/console"))
    found = {path: words for path, tree in spoken if (words := list(plurals(tree)))}
    assert found == {}


def test_what_is_counted_agrees_with_its_number() -> None:
    assert (many(1, "order"), many(2, "order"), many(0, "address", "addresses")) == (
        "1 order",
        "2 orders",
        "0 addresses",
    )
    assert (with_ids("customer", [7]), with_ids("customer", [7, 8])) == ("customer 7", "customers 7, 8")
