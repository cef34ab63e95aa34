"""Reading a request field by field, so that all that do not fit are reported at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Generic, Never, TypeAlias, TypeVar

from domain.text.folding import is_blank
from service.fields import convert
from service.fields.convert import L, Unfit
from service.fields.rules import FieldRule

A = TypeVar("A")
E = TypeVar("E")
M = TypeVar("M")
T = TypeVar("T")

# field → rule → a sentence for people
Errors: TypeAlias = dict[str, dict[FieldRule, str]]

MAX_UNKNOWN = 100  # fields that are named


class UnfitFields(Exception):
    """Fields that do not fit, all of them, in the order in which they were read."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(errors)
        self.errors = errors


class Fields:
    """What was sent. `required` and `optional` read it; `check` raises UnfitFields when anything did not fit.

    Until then a reader hands out a stand-in for what did not fit: check before using what was read. An operation of our
    own reads all the fields that it has, whatever they say: `check_all` refuses those that nobody has read.
    """

    def __init__(self, values: Mapping[str, Any], prefix: str = "", errors: Errors | None = None) -> None:
        self.values = values
        self._prefix = prefix
        self._errors: Errors = {} if errors is None else errors
        self._read: set[str] = set()
        self._within_it: list[Fields] = []

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> Any:
        """The raw value, or None."""
        self._read.add(name)
        return self.values.get(name)

    @property
    def required(self) -> "Reader[Never]":
        return Reader(self, None)

    @property
    def if_sent(self) -> "Reader[None]":
        """None stands for what was not sent; what was may not be empty."""
        return _ReaderIfSent(self, None)

    def optional(self, *, absent: A, empty: E) -> "Reader[A | E]":
        """`absent` stands for what was not sent, `empty` for null and blank text."""
        return Reader(self, (absent, empty))

    def nested(self, name: str) -> "Fields":
        """The object under a name; its fields are reported as `name.field`. Empty when there is none."""
        return self._within(name, self.get(name) or {})

    def each(self, name: str, max_items: int = 1000) -> "list[Fields]":
        """The objects in the list under a name, reported as `name.0.field`. Empty when there is none."""
        raw = self.get(name)
        if raw is None or (isinstance(raw, str) and is_blank(raw)):
            return []
        children = list(raw.values()) if isinstance(raw, dict) else raw
        if not isinstance(children, list):
            self.refuse(name, "array", "must be a list.")
            return []
        if len(children) > max_items:
            self.refuse(name, "max", f"may not have more than {max_items} entries.")
            return []
        return [self._within(f"{name}.{number}", child) for number, child in enumerate(children)]

    def converted(self, name: str, raw: Any, convert: Callable[[Any], T], stand_in: T) -> T:
        try:
            return convert(raw)
        except Unfit as error:
            self.refuse(name, error.rule, error.problem)
            return stand_in

    def refuse(self, name: str, rule: FieldRule, problem: str) -> None:
        """`problem` ends the sentence "The email field …"."""
        field = self._prefix + name
        message = f"The {field.replace('_', ' ')} field {problem}"
        self._errors.setdefault(field, {}).setdefault(rule, message)

    def refuse_unless_refused(self, problems: Iterable[tuple[str, FieldRule, str]]) -> None:
        """(name, rule, problem) of each; a field that did not fit in the first place is not reported again."""
        refused = set(self._errors)
        for name, rule, problem in problems:
            if self._prefix + name not in refused:
                self.refuse(name, rule, problem)

    def check(self) -> None:
        if self._errors:
            raise UnfitFields(self._errors)

    def check_all(self) -> None:
        """Also for fields that nobody has read: misspelt, one would be left out, and the rest carried out."""
        for fields, name in islice(self.unread(), MAX_UNKNOWN):
            fields.refuse(convert.in_short(name), "unknown", "is not one of this request's.")
        self.check()

    def unread(self) -> "Iterator[tuple[Fields, str]]":
        """What nobody has asked for, here and within."""
        yield from ((self, name) for name in self.values if name not in self._read)
        for fields in self._within_it:
            yield from fields.unread()

    def _within(self, name: str, raw: Any) -> "Fields":
        if isinstance(raw, dict):
            fields = Fields(raw, f"{self._prefix}{name}.", self._errors)
            self._within_it.append(fields)
            return fields
        self.refuse(name, "object", "must be an object.")
        return Fields({})  # whose errors nobody sees: one is enough


class Reader(Generic[M]):
    """One method for each kind of field. M is what stands for a field that is absent or empty."""

    def __init__(self, fields: Fields, gap: tuple[M, M] | None) -> None:
        self._fields = fields
        self._gap = gap

    def text(self, name: str, *, max_length: int = 255, lines: bool = False) -> str | M:
        return self._read(name, lambda raw: convert.text(raw, max_length=max_length, lines=lines), "")

    def email(self, name: str) -> str | M:
        return self._read(name, convert.email, "")

    def country(self, name: str) -> str | M:
        return self._read(name, convert.country, "")

    def currency(self, name: str) -> str | M:
        return self._read(name, convert.currency, "")

    def integer(self, name: str, *, minimum: int, maximum: int = convert.MAX_INTEGER) -> int | M:
        return self._read(name, lambda raw: convert.integer(raw, minimum=minimum, maximum=maximum), minimum)

    def id(self, name: str) -> int | M:
        return self.integer(name, minimum=1)

    def cents(self, name: str, *, minimum: int = 0) -> int | M:
        return self.integer(name, minimum=minimum)

    def flag(self, name: str) -> bool | M:
        return self._read(name, convert.flag, False)

    def choice(self, name: str, options: tuple[L, ...]) -> L | M:
        return self._read(name, lambda raw: convert.choice(raw, options), options[0])

    def moment(self, name: str) -> datetime | M:
        return self._read(name, convert.moment, datetime.min.replace(tzinfo=UTC))

    def rate(self, name: str) -> Decimal | M:
        return self._read(name, convert.rate, Decimal(1))

    def ids(self, name: str, *, max_items: int = 1000, skip_unfit: bool = False) -> list[int] | M:
        """An empty text is an empty list here: a form has no other way to say so."""
        return self._read_list(name, lambda raw: convert.ids(raw, max_items=max_items, skip_unfit=skip_unfit))

    def words(self, name: str, options: Iterable[str], *, max_items: int = 100) -> list[str] | M:
        """An empty text is an empty list, as in `ids`."""
        return self._read_list(name, lambda raw: convert.words(raw, options, max_items=max_items))

    def _read_list(self, name: str, converted: Callable[[Any], list[T]]) -> list[T] | M:
        raw, stand_in = self._fields.get(name), list[T]()
        return self._missing(name, stand_in) if raw is None else self._fields.converted(name, raw, converted, stand_in)

    def _read(self, name: str, converted: Callable[[Any], T], stand_in: T) -> T | M:
        raw = self._fields.get(name)
        if raw is None or (isinstance(raw, str) and is_blank(raw)):
            return self._missing(name, stand_in)
        return self._fields.converted(name, raw, converted, stand_in)

    def _missing(self, name: str, stand_in: T) -> T | M:
        if self._gap is None:
            self._fields.refuse(name, "required", "is required.")
            return stand_in
        absent, empty = self._gap
        return empty if name in self._fields else absent


class _ReaderIfSent(Reader[None]):
    def _missing(self, name: str, stand_in: T) -> T | None:
        return super()._missing(name, stand_in) if name in self._fields else None
