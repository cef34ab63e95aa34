"""How a batch changes the read models. `projections/live/projector.py` implements it (`ReadModels`, `BatchView`), and
`projections/database.py` gives it to the store.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from domain.event import Recorded
from eventstore.postgres.connection import Connection, Session
from eventstore.postgres.sql import Statement
from eventstore.reading.instance import Cache


class NeedsLocks(Exception):
    """The cache is not enough: the batch has to read under locks, in a transaction."""


class Projecting(Session, Protocol):
    """The read models in one attempt at a batch: a session that sees them as the commands up to now leave them.

    Without locks, every method raises NeedsLocks where the cache is not enough.
    """

    async def apply(self, events: Sequence[Recorded]) -> None:
        """Change the rows. The events are some of those that `begin` was given, in order.

        Raises what the read models refuse.
        """
        ...

    async def save(self) -> Statement:
        """Write what needs a statement of its own. Returns one that writes each other row, if its mark fits."""
        ...

    def written(self, mark: int) -> None:
        """Cache the rows, which the statement has written with this mark."""
        ...


class Projector(Protocol):
    """Makes read models of events."""

    def new_cache(self) -> Cache: ...

    async def begin(self, on: Connection, events: Sequence[Recorded], cache: Any, *, is_locked: bool) -> Projecting:
        """Read the rows that all events of a batch touch: under locks from the database, or else from the cache."""
        ...
