"""Texts that queries compare. They are computed here when rows are written, so that no server's locale matters."""

from collections.abc import Callable
from typing import Any, NamedTuple

from domain.text import identity
from domain.text.folding import folded

# Characters of a folded text. Few fold to more than they are; those that do must not burst an index, whose entries are
# bounded. What is looked for is cut alike.
MOST = 600


class Derived(NamedTuple):
    """A column that is derived from others: `of` gives its text for the values of `sources`."""

    name: str
    sources: tuple[str, ...]
    of: Callable[..., str | None]

    def value(self, row: Any) -> str | None:
        return self.of(*(getattr(row, name) for name in self.sources))


def folded_name(name: str) -> str:
    """The name of the column with a column's text as people search and sort it."""
    return f"{name}_folded"


def identity_name(name: str) -> str:
    """The name of the column with the mailbox of a column's email."""
    return f"{name}_identity"


def comparable(text: str) -> str:
    return folded(text)[:MOST]


def folded_columns(*names: str) -> list[Derived]:
    return [Derived(folded_name(name), (name,), _folded) for name in names]


def _folded(text: str | None) -> str | None:
    return None if text is None else comparable(text)


def mailbox(name: str) -> Derived:
    return Derived(identity_name(name), (name,), identity.of_email)
