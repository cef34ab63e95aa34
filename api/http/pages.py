"""Pages of a list, with the links that the original gives (Laravel's length-aware paginator)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus

from msgspec import UNSET, UnsetType

from service.fields.convert import BLANKS

DEFAULT_PER_PAGE = 10
MAX_PER_PAGE = 199
# Beyond any list, and its offset is still a number that PostgreSQL and JSON can hold.
LAST_PAGE = 2**53 // (MAX_PER_PAGE + 1)

_WHOLE = re.compile(r"[0-9]{1,18}")
_POSITION = frozenset({"page", "cursor"})
_KEPT_AS_SENT = "%&=+[]:,;/?@!$'()*"
_EACH_SIDE = 3
_EDGE = _EACH_SIDE + 4


class Page(NamedTuple):
    number: int
    per_page: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.per_page


def read_page(values: Mapping[str, Any]) -> Page:
    """Never refuses: what makes no sense is the first page, of ten."""
    number, per_page = _whole(values.get("page")), _whole(values.get("per_page"))
    return Page(
        number=min(number, LAST_PAGE) if number else 1,
        per_page=per_page if per_page and per_page <= MAX_PER_PAGE else DEFAULT_PER_PAGE,
    )


def paginator(
    rows: Sequence[Any],
    page: Page,
    *,
    total: int,
    url: str,
    query: bytes,
    next_cursor: str | UnsetType | None = UNSET,
    walking: bool = False,
) -> dict[str, Any]:
    """`url` is the list's own, with the store's host; `query` is the raw query string, which page links keep.

    `walking` from a cursor: nobody knows which page this is, and a cursor leads on.
    """
    last = max(1, -(-total // page.per_page))
    links = _Links(f"{url}/?{_kept(query)}", page.number, last, next_cursor or None, walking)
    body = {
        "total": total,
        "per_page": page.per_page,
        "current_page": page.number,
        "last_page": last,
        "from": page.offset + 1 if rows and not walking else None,
        "to": page.offset + len(rows) if rows and not walking else None,
        "data": rows,
        "first_page_url": links.to(1),
        "last_page_url": links.to(last),
        "next_page_url": links.following,
        "prev_page_url": links.previous,
        "path": url,
        "links": list(links.all()),
    }
    return body if next_cursor is UNSET else body | {"next_cursor": next_cursor}


class _Links(NamedTuple):
    prefix: str
    current: int
    last: int
    next_cursor: str | None
    walking: bool

    def to(self, number: int) -> str:
        return f"{self.prefix}page={number}"

    @property
    def following(self) -> str | None:
        if self.walking:
            return f"{self.prefix}cursor={self.next_cursor}" if self.next_cursor else None
        return self.to(self.current + 1) if self.current < self.last else None

    @property
    def previous(self) -> str | None:
        return self.to(self.current - 1) if self.current > 1 and not self.walking else None

    def all(self) -> Iterator[dict[str, Any]]:
        yield {"url": self.previous, "label": "pagination.previous", "active": False}
        for number in _window(self.current, self.last):
            if number is None:
                yield {"url": None, "label": "...", "active": False}
            else:
                active = number == self.current and not self.walking
                yield {"url": self.to(number), "label": str(number), "active": active}
        yield {"url": self.following, "label": "pagination.next", "active": False}


def _window(current: int, last: int) -> list[int | None]:
    """Page numbers around the current one and at both ends; None is a gap. All of them while they are few."""
    if last < 2 * _EDGE:
        return [*range(1, last + 1)]
    if current <= _EDGE:
        return [*range(1, _EDGE + _EACH_SIDE + 1), None, last - 1, last]
    if current > last - _EDGE:
        return [1, 2, None, *range(last - _EDGE - _EACH_SIDE + 1, last + 1)]
    return [1, 2, None, *range(current - _EACH_SIDE, current + _EACH_SIDE + 1), None, last - 1, last]


def _kept(query: bytes) -> str:
    """The query as it was sent, without what says where in the list we are; fit to be followed by that."""
    pairs = quote(query, safe=_KEPT_AS_SENT).split("&")
    return "".join(f"{pair}&" for pair in pairs if pair and unquote_plus(pair.partition("=")[0]) not in _POSITION)


def _whole(value: Any) -> int:
    """0 for anything but a whole number above it."""
    if isinstance(value, str) and _WHOLE.fullmatch(digits := value.strip(BLANKS)):
        return int(digits)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
