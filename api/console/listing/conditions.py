"""Advanced filters in words: every property and operator that REST declares, and the conditions that a list has."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from api.handling.filters import CUSTOMER_PROPERTIES, Form

PROPERTIES: Mapping[tuple[str, str], str] = {
    ("customer", "ltv"): "lifetime value",
    ("customer", "email"): "email",
    ("customer", "customer_full_name"): "name",
    ("order", "purchase_count"): "number of purchases",
    ("order", "first_purchase_date"): "first purchase",
    ("order", "last_purchase_date"): "last purchase",
    ("order", "order_items"): "bought items",
    ("labels", "labels"): "labels",
    ("labels", "customer_email"): "labels (by the original's name)",
}
OPERATORS: Mapping[str, str] = {
    "=": "is",
    "!=": "is not",
    ">": "is more than",
    "<": "is less than",
    ">=": "is at least",
    "<=": "is at most",
    "in": "is one of",
    "not_in": "is none of",
    "is_null": "is empty",
    "not_null": "is not empty",
    "contains": "contains",
    "not_contains": "does not contain",
    "like_all": "contains",
    "not_like": "does not contain",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "before": "is before",
    "after": "is after",
    "date_equal": "is on",
    "days_before": "is so many days ago, or longer:",
    "days_within": "is within so many days:",
    "between": "is between",
}
OF_SETS: Mapping[str, str] = {
    "in": "have any of",
    "not_in": "have none of",
    "in_all": "have all of",
    "not_in_all": "lack any of",
}
LABELS = "labels"  # the provider of properties whose ids have names
_INTEGER, _NUMBER = re.compile(r"-?[0-9]{1,18}"), re.compile(r"-?[0-9]{1,18}\.[0-9]{1,10}")

Filter: TypeAlias = dict[str, Any]
Groups: TypeAlias = list[list[Filter]]


class Choice(NamedTuple):
    """What one may choose for a property; `hint` says which value it takes, if any."""

    key: str
    words: str
    hint: str


class Property(NamedTuple):
    words: str
    choices: list[Choice]


def _choices(source: tuple[str, str], forms: tuple[Form, ...]) -> Iterator[Choice]:
    for form in forms:
        hint = form.value["description"].replace("`user_tz`", "the time zone") if form.value else ""
        for operator in form.operators:
            yield Choice(" ".join((*source, operator)), f"{PROPERTIES[source]} {_operator(form, operator)}", hint)


def _operator(form: Form, operator: str) -> str:
    return OF_SETS[operator] if "in_all" in form.operators else OPERATORS[operator]


CHOICES = [Property(PROPERTIES[source], [*_choices(source, forms)]) for source, forms in CUSTOMER_PROPERTIES.items()]
_FORMS = {
    (source, operator): form
    for source, forms in CUSTOMER_PROPERTIES.items()
    for form in forms
    for operator in form.operators
}


def read_groups(sent: str | None) -> Groups:
    """What is no filter at all is none here, and refused by the list itself."""
    try:
        return msgspec.json.decode(sent or "[]", type=Groups)
    except msgspec.DecodeError:
        return []


def write_groups(groups: Groups) -> str:
    """REST's `advanced_filters`; nothing where there are no conditions."""
    left = [group for group in groups if group]
    return msgspec.json.encode(left).decode() if left else ""


def added(groups: Groups, place: int, key: str, text: str, labels: Mapping[int, str]) -> Groups:
    """With one more condition in a group, or in a new one where there is none at that place."""
    provider, _, rest = key.partition(" ")
    name, _, operator = rest.partition(" ")
    condition: Filter = {"source": [provider, name], "operator": operator}
    form = _FORMS.get(((provider, name), operator))
    if form is not None and form.value is not None:
        condition["value"] = _value(form.value, _ids_of(text, labels) if provider == LABELS else text)
    copy = [list(group) for group in groups]
    if 0 <= place < len(copy):
        copy[place].append(condition)
    else:
        copy.append([condition])
    return copy


def removed(groups: Groups, place: int, number: int) -> Groups:
    return [
        [each for n, each in enumerate(group) if (g, n) != (place, number)] for g, group in enumerate(groups)
    ]  # fmt: skip


def in_words(condition: Filter, labels: Mapping[int, str]) -> str:
    """A condition as a part of a sentence. One that nobody declares is refused by the list, and repeated here."""
    source, operator = tuple(condition.get("source") or ()), condition.get("operator")
    if len(source) != 2 or (form := _FORMS.get((source, str(operator)))) is None:
        return msgspec.json.encode(condition).decode()
    subject = f"{PROPERTIES[source]} {_operator(form, str(operator))}"
    if form.value is None:
        return subject
    value: Any = condition.get("value")
    values = value if isinstance(value, list) else [value]
    said = [labels.get(each, str(each)) if source[0] == LABELS else str(each) for each in values]
    return f"{subject} {(' and ' if operator == 'between' else ', ').join(said)}"


def _value(schema: Mapping[str, Any], text: str) -> Any:
    """What was typed, as the type that REST takes. What does not fit stays as it is, and is refused there."""
    if schema["type"] == "array":
        return [_value(schema["items"], part) for part in text.split(",") if part.strip()]
    text = text.strip()
    if schema["type"] in {"integer", "number"}:
        return int(text) if _INTEGER.fullmatch(text) else float(text) if _NUMBER.fullmatch(text) else text
    return text


def _ids_of(text: str, labels: Mapping[int, str]) -> str:
    """Labels may be called by their names."""
    ids = {value.casefold(): id_ for id_, value in labels.items()}
    return ",".join(str(ids.get(part.strip().casefold(), part)) for part in text.split(","))
