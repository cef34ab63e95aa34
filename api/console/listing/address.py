"""The address of a list is all of its state, in REST's own parameters."""

from collections.abc import Collection
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, urlencode

PLACE = frozenset({"page", "cursor"})  # where in the list one is, which a change of it makes meaningless

Pairs = tuple[tuple[str, str], ...]


class ListAddress(NamedTuple):
    path: str
    pairs: Pairs

    @classmethod
    def of(cls, path: str, query: bytes) -> Self:
        return cls(path, tuple(parse_qsl(query.decode("latin-1"), max_num_fields=1_000)))

    def without(self, names: Collection[str]) -> "ListAddress":
        """Nor is one in a place of the list any more."""
        return ListAddress(self.path, tuple(pair for pair in self.pairs if pair[0] not in PLACE.union(names)))

    def changed(self, **values: str | Collection[str]) -> "ListAddress":
        """With these values instead, from the list's beginning unless they say otherwise. An empty one is left out."""
        new = ((name, [value] if isinstance(value, str) else value) for name, value in values.items())
        added = tuple((name, each) for name, some in new for each in some if each)
        return ListAddress(self.path, self.without(values.keys()).pairs + added)

    @property
    def query(self) -> str:
        return urlencode(self.pairs)

    def __str__(self) -> str:
        return f"{self.path}?{self.query}" if self.pairs else self.path
