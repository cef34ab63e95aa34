"""A list of customers as a file of comma-separated values, sent as it is read."""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple, Self

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send
from msgspec.structs import replace

from api.console.door import is_still_signed_in
from api.console.listing import columns
from api.console.personal import Veil, veil_of
from api.handling.as_of import View, seen
from api.handling.serving import AnyRequest, serving
from projections.fold.past import AsOf
from projections.queries.customers import list_customers
from projections.queries.language.query import ListQuery, Page
from projections.tables.table import Shown

PER_PAGE = 199
HEADERS = (
    (b"content-type", b"text/csv; charset=utf-8"),
    (b"content-disposition", b'attachment; filename="customers.csv"'),
)
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"  # by which spreadsheets know UTF-8
# A spreadsheet computes what begins so. An apostrophe makes it text.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


class FileSource(NamedTuple):
    """Where pages come from; `open` until the file ends."""

    then: View
    query: ListQuery
    open: AsyncExitStack


class MadeOf(NamedTuple):
    """What a line is made of."""

    names: Sequence[str]
    currency: str
    veil: Veil

    def record(self, row: Shown) -> list[str]:
        cells = (columns.cell(name, row, self.currency, self.veil).text for name in self.names)
        id_, name, email = columns.person(row, self.veil)
        return [str(id_), *map(guarded, (name, email, *cells))]


class CustomersFile(ASGIResponse):
    """Page after page, each where the last one ended, so that nothing is held in memory."""

    def __init__(
        self, source: FileSource, first: Page, made_of: MadeOf, may_go_on: Callable[[], Awaitable[bool]]
    ) -> None:  # fmt: skip
        self.status_code = 200
        self._source, self._first, self._made_of, self._may_go_on = source, first, made_of, may_go_on

    @classmethod
    async def begun(
        cls, request: AnyRequest, query: ListQuery, as_of: AsOf, names: Sequence[str]
    ) -> Self:  # fmt: skip
        """Its first page is read, so that what is refused is so before anything is sent. Raises QueryRefused."""
        service = serving(request)
        query = replace(query, page=1, cursor="", per_page=PER_PAGE)
        async with AsyncExitStack() as stack:
            then = await stack.enter_async_context(seen(service, as_of))
            first = await list_customers(then.on, query, now=then.now, totals=then.totals)
            made_of = MadeOf(names, service.settings.store_currency, veil_of(request))
            source = FileSource(then, query, stack.pop_all())
            return cls(source, first, made_of, lambda: is_still_signed_in(request))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        async with self._source.open:
            await send({"type": "http.response.start", "status": self.status_code, "headers": HEADERS})
            await _send(send, MARK + _lines([["id", columns.NAME, "email", *self._made_of.names]]))
            async for page in self._pages():
                await _send(send, _lines([self._made_of.record(row) for row in page.rows]))
                if page.next_cursor is not None and not await self._may_go_on():
                    return  # without an end, so that nobody takes it for the whole file
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pages(self) -> AsyncIterator[Page]:
        page, then = self._first, self._source.then
        yield page
        while page.next_cursor is not None:
            query = replace(self._source.query, cursor=page.next_cursor)
            page = await list_customers(then.on, query, now=then.now, totals=then.totals)
            yield page


async def _send(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(errors="replace"), "more_body": True})


def _lines(records: Sequence[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(records)
    return written.getvalue()
