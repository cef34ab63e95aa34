"""A store without read models: the log alone."""

from collections.abc import Sequence
from typing import Any

from domain.event import Recorded
from eventstore.postgres.connection import Connection
from eventstore.postgres.sql import Statement
from projections.tables.view import View


class Nothing(View):
    def row(self, _table: str, _id: int) -> None:
        return None

    async def flush(self) -> None:
        pass

    async def apply(self, events: Sequence[Recorded]) -> None:
        pass

    async def save(self) -> Statement:
        return Statement()

    def written(self, mark: int) -> None:
        pass

    def require_log(self) -> None:
        pass


class NoReadModels:
    def new_cache(self) -> dict[Any, Any]:
        return {}

    async def begin(self, on: Connection, _events: Sequence[Recorded], _cache: Any, *, is_locked: bool) -> Nothing:
        del is_locked
        return Nothing(on)
