"""Everything that is held about a person: shown, or erased with a receipt for whoever asks later."""

from typing import Annotated, Any

from litestar.params import FromPath

from api.handling.serving import AnyRequest, customer_in_path, serving
from api.handling.writes import carry_out, just
from api.http.answer import Answer, answer
from api.http.request import read
from api.openapi.operation import delete, get
from api.presentation.privacy import Erased, Exported, held, receipt
from api.presentation.values import Done
from domain.refusals import CustomerNotFound
from service import privacy
from service.fields.input import Input
from service.fields.kinds import Text
from service.privacy import NotErased
from service.webhooks.told import find_receipt

GROUP = "Privacy"


class Erasure(Input, forbid_unknown_fields=True):
    reason: Annotated[
        str,
        Text(
            privacy.MAX_REASON,
            example="asked by the customer",
            about="Why customers are deleted. It stays, so it must name nobody. It may be left out, but not be blank.",
            never_blank="is required.",
        ),
    ] = ""


@delete(
    "/customers/{customer_id:str}", "Erase a customer", "Customers", "customers/delete", takes=Erasure, answers=Done,
    refuses=CustomerNotFound, versioned="unless erased",
)  # fmt: skip
async def delete_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """For good: whatever says who it was can be read by nobody any more, and its orders leave the lists. The same as
    the bulk action, and it needs `customers/manage`, too. The answer holds no customer; a receipt stays at `erasure`.
    """
    id_, wanted = customer_in_path(customer_id), await read(request, Erasure)
    request.user.require("customers/manage")  # as for the bulk action that does the same
    done = just(Done("Customer has been deleted permanently"))
    return await carry_out(request, lambda unit: privacy.erase(unit, [id_], wanted.reason), done, customer_id=id_)


@get(
    "/customers/{customer_id:str}/erasure", "The receipt of an erasure", GROUP, "history/view", answers=Erased,
    refuses=(CustomerNotFound, NotErased),
)  # fmt: skip
async def get_erasure(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Who erased the customer, when and why, how many events are sealed for good, and which webhooks were told."""
    found = await find_receipt(serving(request).store, customer_in_path(customer_id))
    return answer(Erased(receipt(found)))


@get(
    "/customers/{customer_id:str}/export", "All that is held about a customer", GROUP, "users/view", answers=Exported,
    refuses=CustomerNotFound, versioned=True,
)  # fmt: skip
async def get_export(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Its own and its users' data, orders, events with what each said, kept answers. Needs `customers/view`, too."""
    service, id_ = serving(request), customer_in_path(customer_id)
    request.user.require("customers/view")
    found = await privacy.export(service.store, id_)
    return answer(Exported(held(found, service.settings.store_url)), version=found.customer["version"])


HANDLERS: list[Any] = [delete_customer, get_erasure, get_export]
