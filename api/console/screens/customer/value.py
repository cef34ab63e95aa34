"""What can be done with a lifetime value: compute it again from the events."""

from typing import Any

from litestar import post
from litestar.params import FromPath

from api.console.door import needs
from api.console.forms import submit
from api.console.screens.customer.views.asked import FIGURES, NOTHING, place_of
from api.handling.serving import AnyRequest, customer_in_path, serving
from api.handling.writes import Outcome, nothing
from api.http.html import Html, see_other
from eventstore.postgres.connection import Session
from service import figures


@post("/customers/{customer_id:str}/recalculate", opt=needs("customers/manage"))
async def recalculate(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    """To the explanation, which says what was wrong."""
    id_, log = customer_in_path(customer_id), serving(request).store.log
    wrong: list[str] = []

    async def show(session: Session, _result: None) -> Outcome:
        drift = (await figures.recalculate(session, log, id_)).drift
        wrong[:] = [name for name in FIGURES if name in drift]
        return Outcome(None)

    await submit(request, nothing, show, customer_id=id_)
    return see_other(place_of(request, id_).to(tab="ltv", mended=",".join(wrong) or NOTHING))


ROUTES: list[Any] = [recalculate]
