"""Drift: stored figures that are not what the events give; verified by a job, and repaired one by one."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from litestar import get, post
from litestar.params import FromPath
from litestar.response import ServerSentEvent

from api.console.door import is_still_signed_in, needs
from api.console.filters import money, number
from api.console.forms import NEW, FilledForm, read_form, refused_form, submit
from api.console.pages import page
from api.handling.following import Seen, following
from api.handling.serving import AnyRequest, customer_in_path, id_in_path, serving
from api.handling.writes import Outcome, nothing
from api.http.html import Html, see_other
from api.http.paths import CONSOLE
from api.http.refusals import NoRoute
from eventstore.postgres.connection import Session
from eventstore.store import Store, Unit
from projections.checks.findings import Difference, Drifting, Known
from projections.checks.jobs import (
    Verification,
    VerificationNotFoundError,
    VerificationRequest,
    VerificationRunningError,
)
from service import figures, verifications
from service.fields.input import Input
from service.fields.kinds import Integer

PATH = f"{CONSOLE}/drift"
LISTED = 200  # customers
MOST_IN_A_SAMPLE = 100_000
NAMES = {
    "ltv": "lifetime value",
    "aov": "average order",
    "purchase_count": "purchases",
    "first_purchase_date": "first purchase",
    "last_purchase_date": "last purchase",
    "purchase_value": "net by currency",
    "row": "the row itself",
}


class SampleWanted(Input, kw_only=True):
    size: Annotated[int | None, Integer(1, MOST_IN_A_SAMPLE)] = None


class FigureBeside(NamedTuple):
    """A figure as it is stored and as the events give it; `sql` too, where the two sums of them do not agree."""

    name: str
    stored: str
    from_events: str
    sql: str | None
    by: str


class DriftingCustomer(NamedTuple):
    id: int
    name: str
    problem: str | None
    figures: list[FigureBeside]


class DriftView(NamedTuple):
    known: Known | None
    job: Verification | None
    drifting: list[DriftingCustomer]
    customers: int
    head: int
    form: FilledForm
    sample: int = 100

    @property
    def drifted(self) -> int:
        return self.known.drifted if self.known else sum(each.problem is None for each in self.drifting)

    @property
    def unverified(self) -> int:
        return self.known.unverified if self.known else len(self.drifting) - self.drifted


@get("/drift", opt=needs("replays/manage"))
async def show_drift(request: AnyRequest) -> Html:
    return await _shown(request, NEW)


async def _shown(request: AnyRequest, form: FilledForm) -> Html:
    service = serving(request)
    state = await verifications.drift_state(service.store, LISTED)
    currency = service.settings.store_currency
    drifting = [_drifting(each, currency) for each in state.drifting]
    view = DriftView(state.known, state.newest, drifting, state.customers, state.head, form)
    return page(request, "drift.html", view, status=form.status, api="custodiary verify --json")


def _drifting(found: Drifting, currency: str) -> DriftingCustomer:
    name = found.name or f"customer {found.customer_id}"
    return DriftingCustomer(found.customer_id, name, found.problem, [_beside(each, currency) for each in found.figures])


def _beside(found: Difference, currency: str) -> FigureBeside:
    stored, fold, sql = (_text(found.field, value, currency) for value in (found.stored, found.fold, found.sql))
    by = "" if found.by is None else _text(found.field, found.by, currency, sign="+")
    return FigureBeside(NAMES.get(found.field, found.field), stored, fold, sql if found.sql != found.fold else None, by)


def _text(field: str, value: Any, currency: str, sign: str = "") -> str:
    if field in {"ltv", "aov"} and isinstance(value, int | Decimal):
        return money(value, currency, sign)
    if isinstance(value, int):
        return f"{sign if value > 0 else ''}{number(value)}"
    if isinstance(value, dict):
        return ", ".join(money(cents, code) for code, cents in value.items()) or "none"
    return "none" if value is None else str(value)


@post("/drift/verify", status_code=303, opt=needs("replays/manage"))
async def verify(request: AnyRequest) -> Html:
    """Where one runs already, the page shows that."""
    started: list[int] = []
    if (form := await refused_form(request, lambda: _start(request, started))) is not None:
        return await _shown(request, form)
    for id_ in started:
        serving(request).jobs.verify(id_)
    return see_other(PATH)


async def _start(request: AnyRequest, started: list[int]) -> None:
    asked = VerificationRequest(sample=(await read_form(request, SampleWanted)).size, started_by=request.user.user)

    async def work(_unit: Unit) -> None:
        with suppress(VerificationRunningError):
            started.append((await verifications.start(serving(request).store, asked)).id)

    await submit(request, work)


@post("/drift/{job_id:str}/cancel", status_code=303, opt=needs("replays/manage"))
async def cancel(request: AnyRequest, job_id: FromPath[str]) -> Html:
    """Where it is not there, or has ended, the page shows that."""
    with suppress(VerificationNotFoundError):
        await verifications.cancel(serving(request).store, id_in_path(job_id))
    return see_other(PATH)


@get("/drift/{job_id:str}/progress", opt=needs("replays/manage"))
async def follow(request: AnyRequest, job_id: FromPath[str]) -> ServerSentEvent:
    look = _looking_at(serving(request).store, id_in_path(job_id))
    await look()
    return ServerSentEvent(following(look, lambda: is_still_signed_in(request)))


def _looking_at(store: Store, id_: int) -> Callable[[], Awaitable[Seen]]:
    async def look() -> Seen:
        try:
            job = await verifications.find(store, id_)
        except VerificationNotFoundError:
            raise NoRoute from None
        return Seen(job, job.has_ended)

    return look


@post("/drift/customers/{customer_id:str}", status_code=303, opt=needs("customers/manage"))
async def repair(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    """The same as recalculating on the customer's page."""
    id_, log = customer_in_path(customer_id), serving(request).store.log

    async def show(session: Session, _result: None) -> Outcome:
        await figures.recalculate(session, log, id_)
        return Outcome(None)

    form = await refused_form(request, lambda: submit(request, nothing, show))
    return see_other(PATH) if form is None else await _shown(request, form)


ROUTES: list[Any] = [show_drift, verify, cancel, follow, repair]
