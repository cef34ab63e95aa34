"""What was sent, field by field, so that all that do not fit are reported at once."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias

from domain.text.folding import is_blank
from service.fields import convert
from service.fields.rules import FieldRule

# field → rule → a sentence for people
Errors: TypeAlias = dict[str, dict[FieldRule, str]]

MAX_UNKNOWN = 100  # fields that are named


class UnfitFields(Exception):
    """Fields that do not fit, all of them, in the order in which they were read."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(errors)
        self.errors = errors


class Fields:
    """The fields of a request. Kinds read them; `check` raises UnfitFields if a value did not fit.

    Until then a stand-in takes its place: check before using any value. Operations of our own read all their fields,
    and `check_all` refuses the others.
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
        """Also refuses fields that nobody has read: a misspelt one would be ignored."""
        for fields, name in islice(self.unread(), MAX_UNKNOWN):
            fields.refuse(convert.in_short(name), "unknown", "is not one of this request's.")
        self.check()

    def unread(self) -> "Iterator[tuple[Fields, str]]":
        """Fields that nobody has read, here and in nested objects."""
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
