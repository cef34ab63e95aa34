"""Labels that customers can carry."""

from collections.abc import Awaitable, Callable

from litestar import delete, get, post, put
from litestar.params import FromPath

from api.handling.serving import AnyRequest, id_in_path, needs, serving
from api.handling.writes import Shown, carry_out, just
from api.http.answer import Answer, answer
from api.http.request import read_input, refuse_fields
from api.presentation.records import label
from domain.refusals import LabelNotFound
from eventstore.log.log import Session
from projections.queries.lookups import every_label, find_label
from service import labels
from service.fields.reader import Fields

MAX_LENGTH = 192


@get("/labels", opt=needs("labels/view"), summary="List labels")
async def list_labels(request: AnyRequest) -> Answer:
    """All labels of the store, by id."""
    rows = await every_label(serving(request).store.pool)
    return answer({"labels": [label(row) for row in rows]})


@get("/labels/{label_id:str}", opt=needs("labels/view"), summary="Get a label")
async def get_label(request: AnyRequest, label_id: FromPath[str]) -> Answer:
    """Its value, when it was made, and when it was last renamed."""
    row = await find_label(serving(request).store.pool, id_in_path(label_id))
    if row is None:
        raise LabelNotFound
    return answer({"label": label(row)})


@post("/labels", opt=needs("labels/manage"), summary="Create a label", status_code=200)
async def create_label(request: AnyRequest) -> Answer:
    """Its value is written as it is sent, and no other label may have it."""
    value = await _value(request)
    return await carry_out(request, lambda unit: labels.create(unit, value), _shown("Label created successfully!"))


@put("/labels/{label_id:str}", opt=needs("labels/manage"), summary="Rename a label")
async def rename_label(request: AnyRequest, label_id: FromPath[str]) -> Answer:
    """All customers who carry it carry it by its new value."""
    id_, value = id_in_path(label_id), await _value(request)
    return await carry_out(request, lambda unit: labels.rename(unit, id_, value), _shown("Label updated successfully!"))


@delete("/labels/{label_id:str}", opt=needs("labels/manage"), summary="Delete a label", status_code=200)
async def delete_label(request: AnyRequest, label_id: FromPath[str]) -> Answer:
    """No customer carries it any more."""
    id_ = id_in_path(label_id)
    await refuse_fields(request)
    done = just({"message": "Label deleted successfully!", "data": ""})
    return await carry_out(request, lambda unit: labels.delete(unit, id_), done)


async def _value(request: AnyRequest) -> str:
    fields = Fields(await read_input(request))
    value = fields.required.text("value", max_length=MAX_LENGTH)
    fields.check_all()
    return value


def _shown(message: str) -> Callable[[Session, int], Awaitable[Shown]]:
    async def show(connection: Session, id_: int) -> Shown:
        row = await find_label(connection, id_)
        return Shown({"message": message, "data": row and label(row)})

    return show


HANDLERS = [list_labels, get_label, create_label, rename_label, delete_label]
