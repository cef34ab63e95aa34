"""From what a client sent to what the domain takes: each function returns the value or raises Unfit."""

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Self, TypeVar

from email_validator import EmailNotValidError, validate_email
from msgspec import json

from domain.value import is_currency
from projections.queries.language.clock import read_moment
from service.fields import places
from service.fields.rules import FieldRule

L = TypeVar("L", bound=str)

# The largest integer that every JSON client keeps exact; well within PostgreSQL's bigint.
MAX_INTEGER = 2**53 - 1
INT64_DIGITS = 20
MAX_EMAIL, MAX_LOCAL = 254, 64  # by RFC 5321
MAX_RATE = Decimal(10**9)
RATE_STEP = Decimal("0.0000000001")

MAX_DEPTH = 32  # of a document

BLANKS = " \t\r\n"  # around any value; Python's own also has control characters, which int() does not know

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_PLAIN = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*")  # in front of an @, which nobody refuses
_DECIMAL = re.compile(r"[+-]?[0-9]{1,19}(\.[0-9]{0,19})?")
# NUL, the other C0 and C1 controls, and lone surrogates, which are no characters at all.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FORBIDDEN_IN_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Unfit(Exception):
    """`rule` is the name that clients know; `problem` ends the sentence "The email field …"."""

    def __init__(self, rule: FieldRule, problem: str) -> None:
        super().__init__(rule, problem)
        self.rule = rule
        self.problem = problem


def text(raw: Any, *, max_length: int = 255, lines: bool = False) -> str:
    """Trimmed; a JSON integer is as good as its digits. Only with `lines` may it hold line breaks and tabs."""
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise Unfit("string", "must be a text.")
    trimmed = str(raw).strip(BLANKS)
    if (_FORBIDDEN_IN_LINES if lines else _FORBIDDEN).search(trimmed):
        raise Unfit("string", "may contain neither control characters nor broken Unicode.")
    trimmed = trimmed.strip()
    if len(trimmed) > max_length:
        raise Unfit("maxLength", f"may not be longer than {max_length} characters.")
    return trimmed


def email(raw: Any) -> str:
    """Kept as written. Nothing is looked up; `.test` is fine, for shops that are being tried out."""
    address = text(raw)
    local, _, domain = address.rpartition("@")
    plain = address.isascii() and len(address) <= MAX_EMAIL and len(local) <= MAX_LOCAL and _PLAIN.fullmatch(local)
    if not (_is_email(f"a@{domain}") if plain else _is_email.__wrapped__(address)):
        raise Unfit("email", "must be a valid email address.")
    return address


@lru_cache(maxsize=4_096)
def _is_email(address: str) -> bool:
    """The library takes longer than all else in a request: what most addresses share, the domain, is asked once."""
    try:
        domain = validate_email(address, check_deliverability=False, test_environment=True).domain
    except EmailNotValidError:
        return False
    return "." in domain  # `test` itself is let through by the library with the names below it


def country(raw: Any) -> str:
    code = text(raw)
    if not places.is_country(code):
        raise Unfit("invalid", "must be the two capital letters of a country, such as US.")
    return code


def currency(raw: Any) -> str:
    code = text(raw, max_length=3)
    if not is_currency(code):
        raise Unfit("invalid", "must be three capital letters such as USD.")
    return code


def integer(raw: Any, *, minimum: int, maximum: int = MAX_INTEGER) -> int:
    """A JSON integer, or a text of digits."""
    if isinstance(raw, str) and _INTEGER.fullmatch(digits := raw.strip(BLANKS)):
        raw = int(digits)
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise Unfit("numeric", "must be a whole number.")
    if raw < minimum:
        raise Unfit("min", f"must be at least {minimum}.")
    if raw > maximum:
        raise Unfit("max", f"may not be greater than {maximum}.")
    return raw


def flag(raw: Any) -> bool:
    """1 or 0; JSON's true and false are understood."""
    if isinstance(raw, bool):
        return raw
    return bool(integer(raw, minimum=0, maximum=1))


def choice(raw: Any, options: Iterable[L]) -> L:
    chosen = text(raw)
    for option in options:
        if option == chosen:
            return option
    raise Unfit("in", f"must be one of {', '.join(options)}.")


def rate(raw: Any) -> Decimal:
    """An exchange rate above 0 and below 10⁹, rounded half even to 10 decimals."""
    written = str(raw).strip(BLANKS) if isinstance(raw, str | int | float) else ""
    number = Decimal(written) if isinstance(raw, float) or _DECIMAL.fullmatch(written) else Decimal("NaN")
    if not number.is_finite():
        raise Unfit("numeric", "must be a number.")
    if number >= MAX_RATE:
        raise Unfit("max", f"must be below {MAX_RATE}.")
    if number <= RATE_STEP / 2:  # it would be rounded to 0, or is below it
        raise Unfit("min", "must be above 0.")
    rounded = number.quantize(RATE_STEP)
    return number if number == rounded else rounded


def moment(raw: Any) -> datetime:
    """`2025-06-20` or `2025-06-20 14:00:00`, as queries read them; UTC unless it says otherwise."""
    try:
        parsed = read_moment(text(raw))
        moment = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unfit("date", "must be a date such as 2025-06-20 14:00:00.") from error
    if moment.date() == date.min:
        raise Unfit("date", "must be a date that is meant: 0001-01-01 is what some programs write for none.")
    return moment


class Repeated(str):
    """The last of the texts that came under one name in a query or form: that counts, but a list takes them all."""

    def __new__(cls, texts: list[str]) -> Self:
        repeated = super().__new__(cls, texts[-1])
        repeated.all = texts
        return repeated

    all: list[str]


def items(raw: Any) -> list[Any]:
    """A list, the values of a PHP array, texts with commas, or a single value; blank ones are left out."""
    if isinstance(raw, dict):
        raw = list(raw.values())
    elif isinstance(raw, Repeated):
        raw = [item for text in raw.all for item in text.split(",")]
    elif isinstance(raw, str):
        raw = raw.split(",")
    elif not isinstance(raw, list):
        raw = [raw]
    return [item for item in raw if not (isinstance(item, str) and not item.strip())]


def ids(raw: Any, *, max_items: int, skip_unfit: bool = False) -> list[int]:
    """Each once, in the order sent. With `skip_unfit`, what can't be an id is ignored, like an id that nobody has."""
    found: dict[int, None] = {}
    for item in _bounded(raw, max_items):
        try:
            found[integer(item, minimum=1)] = None
        except Unfit as error:
            if not skip_unfit:
                raise Unfit("numeric", "must be a list of ids, whole numbers from 1.") from error
    return list(found)


def words(raw: Any, options: Iterable[str], *, max_items: int) -> list[str]:
    """Each once, in the order sent; every one must be among the options."""
    known = set(options)
    chosen = [text(item) for item in _bounded(raw, max_items)]
    for word in chosen:
        if word not in known:
            raise Unfit("in", f"does not know “{word[:50]}”. It knows {', '.join(sorted(known))}.")
    return list(dict.fromkeys(chosen))


def _bounded(raw: Any, max_items: int) -> list[Any]:
    values = items(raw)
    if len(values) > max_items:
        raise Unfit("max", f"may not have more than {max_items} entries.")
    return values


def document(raw: Any) -> dict[str, Any]:
    """A JSON object, or the text of one; PHP writes an empty one as a list."""
    try:
        value = json.decode(raw) if isinstance(raw, str) and raw.strip() else raw
        if value is None or value in ("", []):
            return {}
        _check(value, MAX_DEPTH)
    except (ValueError, Unfit):
        value = None
    if not isinstance(value, dict):
        raise Unfit("object", "must be a JSON object without control characters.")
    return value


def _check(value: Any, depth: int) -> None:
    """Raises Unfit for what could not be stored, or not be read again."""
    match value:
        case dict():
            parts = [*value, *value.values()]
        case list():
            parts = value
        case str():
            text(value, max_length=65_535, lines=True)
            return
        case int() if not -(2**63) <= value < 2**63:
            raise Unfit("numeric", "is too large.")
        case float() if not math.isfinite(value):
            raise Unfit("numeric", "is no number.")
        case _:
            return
    if not depth:
        raise Unfit("object", "is nested too deep.")
    for part in parts:
        _check(part, depth - 1)


def in_short(name: str) -> str:
    """A field that a client made up, to be named in an answer."""
    return name[:50].encode(errors="replace").decode()  # a lone surrogate can't be sent back
