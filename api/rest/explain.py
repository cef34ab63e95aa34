"""Why a customer's lifetime value is what it is."""

from typing import Any

import msgspec
from litestar import get
from litestar.params import FromPath

from api.handling.as_of import read_as_of
from api.handling.serving import AnyRequest, customer_in_path, needs, serving
from api.http.answer import Answer, answer
from api.http.request import read_input
from projections.checks.explain import Explanation
from service import figures
from service.fields.reader import Fields
from service.values import shown


@get(
    "/customers/{customer_id:str}/ltv/explain",
    opt=needs("customers/view"),
    summary="Why a customer's lifetime value is what it is",
)
async def explain_ltv(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Computed from events alone. The contributions of all orders that are or were the customer's add up to `ltv`."""
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    as_of = read_as_of(fields)
    fields.check()
    currency = service.settings.store_currency
    explanation, version = await figures.explain(service.store, id_, store_currency=currency, as_of=as_of)
    return answer(explanation_body(explanation), version=version)


def explanation_body(explanation: Explanation) -> dict[str, Any]:
    """Amounts as numbers, without a fraction where they are whole."""
    body = msgspec.structs.asdict(explanation)
    body["aov"] = shown(explanation.aov)
    body["orders"] = [msgspec.structs.asdict(order) for order in explanation.orders]
    for order in body["orders"]:
        order["rate"] = shown(order["rate"])
        if rounding := order["rounding"]:
            order["rounding"] = {"rule": rounding.rule, "unrounded": shown(rounding.unrounded)}
    return body


HANDLERS: list[Any] = [explain_ltv]
