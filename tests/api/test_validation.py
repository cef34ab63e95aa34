from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, to_builtins

from api.http.refusals import Invalid
from service.fields.compound import Chosen, Ids
from service.fields.kinds import (
    REQUIRED,
    Cents,
    Country,
    Email,
    Flag,
    Id,
    Kind,
    Lines,
    Moment,
    OneOf,
    Rate,
    Text,
    Words,
)
from service.fields.reader import Errors, Fields, UnfitFields

STATUSES = Words("", ("active", "inactive", "archived"))
RELATIONS = Words("", ("orders", "labels", "wpUser"))


def required(kind: Kind, fields: Fields, name: str) -> Any:
    return kind.take(fields, name, REQUIRED)


def errors_of(fields: Fields) -> Errors:
    with pytest.raises(UnfitFields) as refused:
        fields.check()
    return refused.value.errors


def rules_of(fields: Fields) -> dict[str, list[str]]:
    return {field: list(rules) for field, rules in errors_of(fields).items()}


def test_all_failing_fields_are_reported_at_once_and_the_first_is_the_message() -> None:
    fields = Fields({"email": "a@-example.com", "status": "gone", "city": "x" * 256})
    required(Text(), fields, "first_name")
    required(Email(), fields, "email")
    required(OneOf(STATUSES), fields, "status")
    Text().take(fields, "city", None)
    with pytest.raises(UnfitFields) as refused:
        fields.check()
    assert to_builtins(Invalid(refused.value.errors).body) == {
        "code": "rest_request_validation",
        "message": "The first name field is required.",
        "errors": {
            "first_name": {"required": "The first name field is required."},
            "email": {"email": "The email field must be a valid email address."},
            "status": {"in": "The status field must be one of active, inactive, archived."},
            "city": {"maxLength": "The city field may not be longer than 255 characters."},
        },
        "reason": "invalid_fields",
    }


def test_nothing_is_refused_when_all_fit() -> None:
    fields = Fields({"first_name": " Jane ", "is_primary": "1"})
    first_name = required(Text(), fields, "first_name")
    is_primary = required(Flag(), fields, "is_primary")
    fields.check()
    assert (first_name, is_primary) == ("Jane", True)


@pytest.mark.parametrize("unseen", ["\u200b", " \u200b\ufeff ", "\u2800", "\u3164"])
def test_a_text_of_which_nobody_sees_anything_is_none(unseen: str) -> None:
    fields = Fields({"first_name": unseen, "city": unseen, "last_name": f"{unseen}Roe"})
    assert Text(blank=None).take(fields, "city", UNSET) is None
    assert required(Text(), fields, "last_name").endswith("Roe")
    required(Text(), fields, "first_name")
    assert errors_of(fields) == {"first_name": {"required": "The first name field is required."}}


def test_absent_null_and_empty_are_told_apart() -> None:
    fields = Fields({"state": None, "city": " ", "postcode": "10001"})
    read = [Text(blank=None).take(fields, name, UNSET) for name in ("country", "state", "city", "postcode")]
    fields.check()
    assert read == [UNSET, None, None, "10001"]


def test_what_is_required_may_be_neither_absent_nor_null_nor_blank() -> None:
    fields = Fields({"null": None, "blank": " \n"})
    for name in ("absent", "null", "blank"):
        required(Text(), fields, name)
    assert rules_of(fields) == {"absent": ["required"], "null": ["required"], "blank": ["required"]}


@pytest.mark.parametrize("raw", ["O'Brien", "a&b", "100%20off", "<b>x</b>", "Ana\u0301", "李小龍", "👩‍👩‍👧", "é" * 255])
def test_a_text_may_hold_any_characters(raw: str) -> None:
    fields = Fields({"first_name": raw})
    assert required(Text(), fields, "first_name") == raw
    fields.check()


def test_an_integer_is_as_good_a_text_as_its_digits() -> None:
    assert required(Text(), Fields({"postcode": 10115}), "postcode") == "10115"


@pytest.mark.parametrize(
    "raw", ["\0", "a\0b", "a\0", "a\x1f", "\x85a", "a\nb", "a\tb", "\x7f", "\ud800", True, 1.5, [], {}]
)
def test_a_text_holds_no_control_characters_and_is_no_other_type(raw: Any) -> None:
    fields = Fields({"first_name": raw})
    required(Text(), fields, "first_name")
    assert rules_of(fields) == {"first_name": ["string"]}


def test_notes_may_hold_line_breaks_and_tabs() -> None:
    fields = Fields({"notes": "\n one\r\n\ttwo\n", "other": "a\0b"})
    assert required(Lines(), fields, "notes") == "one\r\n\ttwo"
    required(Lines(), fields, "other")
    assert rules_of(fields) == {"other": ["string"]}


@pytest.mark.parametrize("raw", ["John.Doe@Example.COM", "é@example.com", "a@shop.test", "a" * 240 + "@example.com"])
def test_an_email_is_kept_as_written(raw: str) -> None:
    fields = Fields({"email": f" {raw} "})
    assert required(Email(), fields, "email") == raw
    fields.check()


@pytest.mark.parametrize(
    "raw", ["a@-example.com", "<a@example.com>", "a@b", "a@test", "a b@example.com", "@example.com", "a@", "a@x..y"]
)
def test_an_email_must_be_valid(raw: str) -> None:
    fields = Fields({"email": raw})
    required(Email(), fields, "email")
    assert rules_of(fields) == {"email": ["email"]}


@pytest.mark.parametrize("raw", [7, "7", " 7 ", "007", "+7"])
def test_an_id_may_be_a_numeric_text(raw: Any) -> None:
    fields = Fields({"id": raw})
    assert required(Id(), fields, "id") == 7
    fields.check()


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        *((raw, "numeric") for raw in (True, 7.0, "7.0", "abc", "٣", "1_0", [7], {"id": 7}, "9" * 5000, float("inf"))),
        *((raw, "min") for raw in (0, "-1")),
        *((raw, "max") for raw in (2**53, 10**30, "9" * 19)),
    ],
)
def test_an_id_is_a_whole_number_that_json_keeps_exact(raw: Any, rule: str) -> None:
    fields = Fields({"id": raw})
    required(Id(), fields, "id")
    assert rules_of(fields) == {"id": [rule]}


def test_cents_may_be_0_and_not_less() -> None:
    fields = Fields({"total_paid": "0", "total_refund": -1})
    assert required(Cents(), fields, "total_paid") == 0
    required(Cents(), fields, "total_refund")
    assert rules_of(fields) == {"total_refund": ["min"]}


@pytest.mark.parametrize(
    ("raw", "value"), [(1, True), ("1", True), (True, True), (0, False), ("0", False), (False, False)]
)
def test_a_flag_is_1_or_0(raw: Any, value: bool) -> None:
    assert required(Flag(), Fields({"is_primary": raw}), "is_primary") is value


@pytest.mark.parametrize(("raw", "rule"), [("abc", "numeric"), (2, "max"), (-1, "min")])
def test_a_flag_is_nothing_else(raw: Any, rule: str) -> None:
    fields = Fields({"is_primary": raw})
    required(Flag(), fields, "is_primary")
    assert rules_of(fields) == {"is_primary": [rule]}


@pytest.mark.parametrize("raw", [[3, "1", 3], "3,1", "3,,1,", {"0": "3", "5": "1"}])
def test_ids_come_as_a_list_a_text_or_a_php_array(raw: Any) -> None:
    assert required(Ids(), Fields({"labels": raw}), "labels") == [3, 1]


def test_one_id_is_a_list_of_one_and_an_empty_text_a_list_of_none() -> None:
    fields = Fields({"one": 5, "none": "", "nothing": []})
    assert [required(Ids(), fields, name) for name in ("one", "none", "nothing")] == [[5], [], []]
    fields.check()


def test_a_required_list_may_not_be_absent_or_null() -> None:
    fields = Fields({"null": None})
    assert [required(Ids(), fields, name) for name in ("absent", "null")] == [[], []]
    assert rules_of(fields) == {"absent": ["required"], "null": ["required"]}


@pytest.mark.parametrize(
    ("raw", "rule"), [(["a"], "numeric"), ([1, None], "numeric"), ([True], "numeric"), (list(range(1, 1002)), "max")]
)
def test_a_list_with_something_else_in_it_is_refused(raw: Any, rule: str) -> None:
    fields = Fields({"customer_ids": raw})
    required(Ids(), fields, "customer_ids")
    assert rules_of(fields) == {"customer_ids": [rule]}


def test_what_can_be_no_id_may_be_passed_over() -> None:
    assert required(Ids(skip_unfit=True), Fields({"include_ids": "abc,2"}), "include_ids") == [2]


def test_words_are_known_ones() -> None:
    fields = Fields({"with": "labels, wpUser,labels", "select": ["labels", "passwords"]})
    assert required(Chosen(RELATIONS), fields, "with") == ["labels", "wpUser"]
    required(Chosen(RELATIONS), fields, "select")
    assert errors_of(fields) == {
        "select": {"in": "The select field does not know “passwords”. It knows labels, orders, wpUser."}
    }


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("2025-06-20 14:00:00", datetime(2025, 6, 20, 14, tzinfo=UTC)),
        ("2025-06-20", datetime(2025, 6, 20, tzinfo=UTC)),
        ("2025-06-20T14:00:00Z", datetime(2025, 6, 20, 14, tzinfo=UTC)),
        ("2025-06-20T16:00:00+02:00", datetime(2025, 6, 20, 14, tzinfo=UTC)),
        ("2025-06-20T14:00:00.123456789Z", datetime(2025, 6, 20, 14, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_a_moment_is_utc_unless_it_says_otherwise(raw: str, value: datetime) -> None:
    moment = required(Moment(), Fields({"paid_at": raw}), "paid_at")
    assert (moment, moment.tzinfo) == (value, UTC)


@pytest.mark.parametrize(
    "raw",
    [
        "yesterday",
        "2025-02-30",
        "0001-01-01T00:00:00+02:00",
        "0000-00-00 00:00:00",
        "0001-01-01",
        "20260101",
        20260101,
        "2026-W01-4",
        "2026-01-01T14",
    ],
)
def test_a_moment_is_a_date_of_the_calendar_as_queries_read_it(raw: Any) -> None:
    fields = Fields({"paid_at": raw})
    required(Moment(), fields, "paid_at")
    assert rules_of(fields) == {"paid_at": ["date"]}


@pytest.mark.parametrize(("raw", "value"), [(1, "1"), ("1.0837", "1.0837"), (0.92, "0.92"), (1 / 3, "0.3333333333")])
def test_a_rate_has_at_most_10_decimals(raw: Any, value: str) -> None:
    assert required(Rate(), Fields({"rate": raw}), "rate") == Decimal(value)


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        *((raw, "numeric") for raw in ("abc", "1e5", "nan", float("inf"), float("nan"), True, [1], "1,5")),
        *((raw, "min") for raw in (0, -1, -1e18, 1e-300, "0.00000000001", "0.00000000005")),
        *((raw, "max") for raw in (10**9, 1e300)),
    ],
)
def test_a_rate_is_above_0_and_below_10_to_the_9(raw: Any, rule: str) -> None:
    fields = Fields({"rate": raw})
    required(Rate(), fields, "rate")
    assert rules_of(fields) == {"rate": [rule]}


def test_a_country_is_two_capital_letters() -> None:
    fields = Fields({"country": "GB", "a": "UK", "b": "us", "c": "USA", "d": "XK"})
    assert required(Country(), fields, "country") == "GB"
    for name in "abcd":
        required(Country(), fields, name)
    assert rules_of(fields) == {name: ["invalid"] for name in "abcd"}


def test_fields_of_an_object_are_named_with_it() -> None:
    fields = Fields({"address": {"id": "x"}, "other": 5})
    required(Id(), fields.nested("address"), "id")
    required(Id(), fields.nested("other"), "id")
    required(Id(), fields.nested("absent"), "id")
    assert rules_of(fields) == {"address.id": ["numeric"], "other": ["object"], "absent.id": ["required"]}


def test_fields_of_objects_in_a_list_are_named_with_their_number() -> None:
    fields = Fields({"items": [{"title": "Widget"}, {}, 5], "none": None, "text": "x", "number": 0})
    titles = [required(Text(), item, "title") for item in fields.each("items")]
    assert titles == ["Widget", "", ""]
    assert fields.each("none") == fields.each("text") == fields.each("number") == []
    refused = {"items.2": ["object"], "items.1.title": ["required"], "text": ["array"], "number": ["array"]}
    assert rules_of(fields) == refused


def test_a_rule_of_the_handler_is_reported_with_the_rest() -> None:
    fields = Fields({"country": "US"})
    fields.refuse("order_id", "exists", "must be an order of this customer.")
    required(Text(), fields, "state")
    fields.refuse_unless_refused([("state", "invalid", "must name a state."), ("postcode", "required", "is required.")])
    assert errors_of(fields) == {
        "order_id": {"exists": "The order id field must be an order of this customer."},
        "state": {"required": "The state field is required."},
        "postcode": {"required": "The postcode field is required."},
    }


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(ANYTHING)
def test_any_value_is_read_or_refused_with_a_message_that_can_be_sent(raw: Any) -> None:
    fields = Fields(dict.fromkeys(["text", "email", "id", "flag", "choice", "ids", "words", "moment", "rate"], raw))
    required(Text(), fields, "text")
    required(Email(), fields, "email")
    required(Id(), fields, "id")
    required(Flag(), fields, "flag")
    required(OneOf(STATUSES), fields, "choice")
    required(Ids(), fields, "ids")
    required(Chosen(RELATIONS), fields, "words")
    required(Moment(), fields, "moment")
    required(Rate(), fields, "rate")
    for child in (fields.nested("text"), *fields.each("ids")):
        required(Country(), child, "country")
    try:
        fields.check()
    except UnfitFields as refused:
        str(refused.errors).encode()


LOCALS = st.text(alphabet='aZ0._+-! ä"', max_size=5) | st.sampled_from(["a" * 64, "a" * 65, "a.b-c_d+e"])
DOMAINS = st.sampled_from([
    "example.com", "EXAMPLE.COM", "ä.example", "xn--4ca.example", "a.test", "test", "localhost", "a.local", "-a.com",
    "a-.com", "a..com", "a.c", "127.0.0.1", "[127.0.0.1]", "a" * 64 + ".com", ".".join(["a" * 62] * 4), "a_b.com", "",
])  # fmt: skip


@given(LOCALS, DOMAINS)
def test_an_email_is_judged_as_the_library_does_with_all_of_it(local: str, domain: str) -> None:
    address = f"{local}@{domain}".strip()
    try:
        fits = "." in validate_email(address, check_deliverability=False, test_environment=True).domain
    except EmailNotValidError:
        fits = False
    fields = Fields({"email": address})
    required(Email(), fields, "email")
    assert fits == (not fields._errors) or len(address) > 255


@given(st.text(alphabet=st.characters(), max_size=40), st.text(alphabet=st.characters(), max_size=40))
def test_any_email_is_read_or_refused(local: str, domain: str) -> None:
    fields = Fields({"email": f"{local}@{domain}"})
    required(Email(), fields, "email")
    with suppress(UnfitFields):
        fields.check()
