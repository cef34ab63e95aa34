"""What a client asks of a list."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg
import msgspec

DEFAULT_PER_PAGE = 10


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`search` counts when `filter_type` is simple, `advanced_filters` (JSON text, or decoded) when it is advanced.

    `page` and `per_page` are at least 1; `cursor` goes before `page`. Names that are unknown in `sort_by`, `sort_type`
    and `active_view` mean their defaults, as in the contract; in `select` they are refused.
    """

    search: str = ""
    filter_type: str = "simple"
    advanced_filters: Any = None
    active_view: str = ""
    include_ids: tuple[int, ...] = ()
    sort_by: str = "id"
    sort_type: str = "desc"
    select: tuple[str, ...] = ()
    user_tz: str = ""
    page: int = 1
    per_page: int = DEFAULT_PER_PAGE
    cursor: str = ""


class Page(NamedTuple):
    """`rows` have all columns; `columns` are those to be shown, in order. `next_cursor` is None on the last page."""

    rows: Sequence[asyncpg.Record]
    total: int
    next_cursor: str | None
    columns: tuple[str, ...]
