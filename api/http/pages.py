"""Pages of a list, with the links that the original gives (Laravel's length-aware paginator)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, unquote_plus

from msgspec import Meta, Struct, field

from service.fields.compound import Sent
from service.fields.convert import BLANKS

T = TypeVar("T")
P = TypeVar("P", bound="Paginated[Any]")

DEFAULT_PER_PAGE = 10
MAX_PER_PAGE = 199
# Beyond any list, and its offset is still a number that PostgreSQL and JSON can hold.
LAST_PAGE = 2**53 // (MAX_PER_PAGE + 1)

PAGE_NUMBER = Sent(
    {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}], "default": 1},
    about="Anything but a whole number from 1 means 1. Beyond the end, a page is empty.",
)
PER_PAGE = Sent(
    {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE}, {"type": "string"}],
        "default": DEFAULT_PER_PAGE,
    },
    about=f"Anything but 1 to {MAX_PER_PAGE} means {DEFAULT_PER_PAGE}.",
)

_WHOLE = re.compile(r"[0-9]{1,18}")
_POSITION = frozenset({"page", "cursor"})
_KEPT_AS_SENT = "%&=+[]:,;/?@!$'()*"
_EACH_SIDE = 3
_EDGE = _EACH_SIDE + 4


class Link(Struct):
    url: str | None
    label: Annotated[str, Meta(examples=["1"])]
    active: bool


class Paginated(Struct, Generic[T], kw_only=True):
    """`next_cursor` is for walking on where the page ends."""

    total: Annotated[int, Meta(ge=0, examples=[1])]
    per_page: Annotated[int, Meta(ge=1, le=199, examples=[10])]
    current_page: Annotated[int, Meta(ge=1, examples=[1])]
    last_page: Annotated[int, Meta(ge=1, examples=[1])]
    from_: int | None = field(name="from")
    to: int | None
    data: list[T]
    first_page_url: str
    last_page_url: str
    next_page_url: str | None
    prev_page_url: str | None
    path: str
    links: list[Link]
    next_cursor: str | None


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
    type_: type[P],
    rows: Sequence[Any],
    page: Page,
    *,
    total: int,
    url: str,
    query: bytes,
    next_cursor: str | None,
    walking: bool = False,
) -> P:
    """`url` is the list's own, with the store's host; `query` is the raw query string, which page links keep.

    `walking` from a cursor: nobody knows which page this is, and a cursor leads on.
    """
    last = max(1, -(-total // page.per_page))
    links = _Links(f"{url}/?{_kept(query)}", page.number, last, next_cursor or None, walking)
    return type_(
        total=total,
        per_page=page.per_page,
        current_page=page.number,
        last_page=last,
        from_=page.offset + 1 if rows and not walking else None,
        to=page.offset + len(rows) if rows and not walking else None,
        data=list(rows),
        first_page_url=links.to(1),
        last_page_url=links.to(last),
        next_page_url=links.following,
        prev_page_url=links.previous,
        path=url,
        links=list(links.all()),
        next_cursor=next_cursor,
    )


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

    def all(self) -> Iterator[Link]:
        yield Link(self.previous, "pagination.previous", active=False)
        for number in _window(self.current, self.last):
            if number is None:
                yield Link(None, "...", active=False)
            else:
                active = number == self.current and not self.walking
                yield Link(self.to(number), str(number), active=active)
        yield Link(self.following, "pagination.next", active=False)


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
