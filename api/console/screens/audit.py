"""Audit: how far the log is signed, by day, and whether what was signed is still what is stored."""

from typing import Any, NamedTuple

from litestar import get
from litestar.params import FromPath

from api.console.door import needs
from api.console.pages import page
from api.handling.serving import AnyRequest, id_in_path, serving
from api.http.html import Html
from api.http.refusals import NoRoute
from eventstore.chain.checkpoints import SignedStatement
from eventstore.postgres.stream_ids import MAX_ID
from service import audit
from service.audit import SignedDay

CHECKPOINTS = 3_000  # on a page: ten days of one in five minutes
MOST_EVENTS = 200_000  # that are verified while somebody waits; a second, about
FAULTS = 50


class AuditView(NamedTuple):
    """`older` is a checkpoint's number, before which there are more. `command` verifies all from a shell."""

    head: int
    newest: SignedStatement | None
    days: list[SignedDay]
    older: int | None
    most: int

    @property
    def unsigned(self) -> int:
        return self.head - self.newest.until if self.newest else self.head


class AuditedView(NamedTuple):
    """Without `statements` it is too much to be verified while somebody waits."""

    first: int
    last: int
    events: int
    checkpoints: int
    fault_count: int
    faults: list[str]
    statements: list[SignedStatement]


@get("/audit", opt=needs("history/view"))
async def show_audit(request: AnyRequest) -> Html:
    store, before = serving(request).store, id_in_path(request.query_params.get("before", "")) or MAX_ID
    days = await audit.signed_days(store, before, CHECKPOINTS)
    shown = sum(day.checkpoints for day in days)
    older = days[-1].first if shown >= CHECKPOINTS else None
    view = AuditView(await store.log.head(store.pool), await audit.newest_statement(store), days, older, MOST_EVENTS)
    return page(request, "audit.html", view, api=["custodiary audit verify --json", "custodiary audit checkpoint"])


@get("/audit/{part:str}", opt=needs("history/view"))
async def show_audited(request: AnyRequest, part: FromPath[str]) -> Html:
    """The checkpoints from one number to another, such as `1-288`, and what is found of what they cover."""
    first, _, last = part.partition("-")
    return page(request, "audited.html", await _audited(request, id_in_path(first), id_in_path(last)))


async def _audited(request: AnyRequest, first: int, last: int) -> AuditedView:
    """Raises NoRoute."""
    store = serving(request).store
    events = await audit.events_between(store, first, last)
    if events is None:
        raise NoRoute
    if events > MOST_EVENTS:
        return AuditedView(first, last, events, last - first + 1, 0, [], [])
    found = await audit.verify_part(store, first, last)
    faults = [str(fault) for fault in found.found.first[:FAULTS]]
    return AuditedView(
        first, last, found.verifier.events, found.verifier.checkpoints, found.found.count, faults, found.statements
    )


ROUTES: list[Any] = [show_audit, show_audited]
