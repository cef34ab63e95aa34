"""A customer's history: who changed what, when."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from api.answer import answer
from api.input import read_input
from api.paginator import read_page
from api.presentation import history_entry
from api.serving import AnyRequest, customer_in_path, needs, serving
from api.validation import Fields
from domain.refusals import CustomerNotFound
from projections.history import NEWEST, Filters, history
from projections.queries.customers import find_customer


@get("/customers/{customer_id:str}/history", opt=needs("customers/view"), summary="A customer's history, newest first")
async def get_history(request: AnyRequest, customer_id: FromPath[str]) -> Response[bytes]:
    """Every event of the customer and its orders."""
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    optional = fields.optional(absent=None, empty=None)
    filters = Filters(
        type=optional.text("type"),
        actor=optional.text("actor"),
        since=optional.moment("from"),
        until=optional.moment("to"),
    )
    before = fields.optional(absent=NEWEST, empty=NEWEST).integer("cursor", minimum=1)
    fields.check()
    limit = read_page(fields.values).per_page
    entries = await history(service.store.pool, service.store.log, id_, filters, before=before, limit=limit + 1)
    row = await find_customer(service.store.pool, id_)
    if row is None and not entries:
        raise CustomerNotFound
    page = entries[:limit]
    next_cursor = str(page[-1].recorded.position) if len(entries) > limit else None
    body = {"history": {"data": [history_entry(entry) for entry in page], "next_cursor": next_cursor}}
    return answer(body, version=row["version"] if row else None)


HANDLERS: list[Any] = [get_history]
