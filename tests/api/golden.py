"""How an answer of the original's, recorded, is compared with one of ours: key by key, as the contract writes them."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from tests.queries.seed import GOLDEN

SEED = (GOLDEN / "seed.json").read_text()
RECORDED_IN = "2026-11-"

# The document has no such keys, of items, labels, users, and addresses for people (which have a `name` there).
UNDOCUMENTED = {
    "payment_info", "setup_info", "is_custom", "formatted_total", "labelable_id", "labelable_type", "wpfluent",
    "user_pass", "user_nicename", "user_url", "user_registered", "user_activation_key", "user_status",
}  # fmt: skip
OTHER_NAMES = {"first_name", "last_name", "full_name"}
# It has these also where the original shows them only later; `drift`, `value` and `reason` are the contract's.
SOONER = {
    "contact_id", "purchase_count", "ltv", "first_purchase_date", "last_purchase_date", "meta", "drift", "value",
    "reason",
}  # fmt: skip
# What the document calls absent, empty or the default, the original writes in several ways.
ALIKE: list[set[str]] = [{"[]", "{}", "null"}, {'"active"', "null", '""'}, {"null", '""', "0", '"0"', "0.0"}]


def differences(ours: Any, recorded: Any, ignored: frozenset[str] = frozenset(), place: str = "") -> Iterator[str]:
    match ours, recorded:
        case dict(), dict():
            unknown = UNDOCUMENTED | ignored | (OTHER_NAMES if "full_address" in ours else set())
            yield from (f"{place}.{key} is missing" for key in recorded.keys() - ours.keys() - unknown)
            of_relations = {"id"} if "label_id" in recorded else set()  # not of labels
            for key in ours.keys() - ignored - of_relations:
                if key in recorded:
                    yield from differences(ours[key], recorded[key], ignored, f"{place}.{key}")
                elif key not in SOONER:
                    yield f"{place}.{key} is new"
        case list(), list() if len(ours) == len(recorded):
            for number, (one, other) in enumerate(zip(ours, recorded, strict=True)):
                yield from differences(one, other, ignored, f"{place}.{number}")
        case dict(), None if place.endswith(".purchase_value"):
            pass  # the original forgets it when it recalculates
        case dict(), True if place == ".data":
            pass  # the customer with its labels, says the contract
        case _:
            known = _as_documented(recorded, ours)
            if not _is_new(recorded) and not _are_alike(ours, known):
                yield f"{place} is {ours!r}, not {known!r}"


def rules(errors: dict[str, Any]) -> dict[str, set[str]]:
    """Names of the broken rules by field; some of the original's have none."""
    return {field: {rule for rule in broken if not rule.isdigit()} for field, broken in errors.items()}


def _are_alike(ours: Any, known: Any) -> bool:
    return ours == known or any({json.dumps(ours), json.dumps(known)} <= alike for alike in ALIKE)


def _as_documented(recorded: Any, ours: Any) -> Any:
    """Numbers as numbers, times in UTC without a zone, countries by their CLDR names."""
    match recorded:
        case {"date": str(time), "timezone": "UTC"}:
            return time.removesuffix(".000000")
        case float():
            return round(recorded, 2)
        case str() if isinstance(ours, int | float) and re.fullmatch(r"\d+(\.\d+)?", recorded):
            return float(recorded)
        case str():
            text = re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\+00:00$", r"\1 \2", html.unescape(recorded))
            return re.sub(r"United (States|Kingdom) \(U[SK]\)", r"United \1", text)
        case _:
            return recorded


def _is_new(recorded: Any) -> bool:
    """A time of the recording, or a uuid drawn then: here they are others."""
    said = json.dumps(recorded)
    return RECORDED_IN in said or (re.fullmatch('"[0-9a-f]{32}"', said) is not None and said not in SEED)
