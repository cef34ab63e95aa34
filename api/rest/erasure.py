"""Erasing customers, with the users that are the same person; and the receipt, for whoever asks later."""

from typing import Any

from litestar import delete, get
from litestar.params import FromPath

from api.handling.serving import AnyRequest, customer_in_path, needs, serving
from api.handling.writes import carry_out, just
from api.http.answer import Answer, answer
from api.http.request import read_input
from projections.history.receipt import Receipt
from projections.tables.projection import utc
from service import privacy
from service.fields.reader import Fields


def read_reason(fields: Fields) -> str:
    """Empty when none is given; one that says nothing is refused."""
    if fields.get("reason") is None:
        return ""
    return fields.required.text("reason", max_length=privacy.MAX_REASON)


@delete("/customers/{customer_id:str}", opt=needs("customers/delete"), summary="Erase a customer", status_code=200)
async def delete_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """For good: whatever says who it was can be read by nobody any more, and its orders leave the lists. The same as
    the bulk action, and it needs `customers/manage`, too. The answer holds no customer; a receipt stays at `erasure`.
    """
    id_, fields = customer_in_path(customer_id), Fields(await read_input(request))
    reason = read_reason(fields)
    fields.check_all()
    request.user.require("customers/manage")  # as for the bulk action that does the same
    done = just({"message": "Customer has been deleted permanently", "data": ""})
    return await carry_out(request, lambda unit: privacy.erase(unit, [id_], reason), done, customer_id=id_)


@get("/customers/{customer_id:str}/erasure", opt=needs("history/view"), summary="The receipt of an erasure")
async def get_erasure(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Who erased the customer, when and why, and how many events are sealed for good."""
    found = await privacy.find_receipt(serving(request).store, customer_in_path(customer_id))
    return answer({"erasure": receipt_body(found)})


def receipt_body(found: Receipt) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Receipt.__struct_fields__} | {"erased_at": str(utc(found.erased_at))}


HANDLERS: list[Any] = [delete_customer, get_erasure]
