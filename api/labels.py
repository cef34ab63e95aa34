"""Labels that customers can carry."""

from typing import Any

from litestar import Response, delete, get, post, put

from api.answer import answer
from api.input import read_input
from api.presentation import label
from api.serving import AnyRequest, Service, asked_by, id_in_path, needs, serving
from api.validation import Fields
from domain.event import Command
from domain.label import LABEL, CreateLabel, DeleteLabel, RenameLabel
from eventstore.transact import Unit
from projections.labels import LABELS

LIST = "SELECT id, value, created_at, updated_at FROM labels ORDER BY id"
MAX_LENGTH = 192


@get("/labels", opt=needs("labels/view"), summary="List labels")
async def list_labels(request: AnyRequest) -> Response[bytes]:
    rows = await serving(request).store.pool.fetch(LIST)
    return answer({"labels": [label(row) for row in rows]})


@post("/labels", opt=needs("labels/manage"), summary="Create a label", status_code=200)
async def create_label(request: AnyRequest) -> Response[bytes]:
    service, value = serving(request), await _value(request)

    async def work(unit: Unit) -> int:
        id_ = await unit.new_id(LABEL)
        await unit.decide(LABEL, id_, CreateLabel(value=value))
        return id_

    id_ = await service.store.transact(asked_by(request), work)
    return answer({"message": "Label created successfully!", "data": await _shown(service, id_)})


@put("/labels/{label_id:str}", opt=needs("labels/manage"), summary="Rename a label")
async def rename_label(request: AnyRequest, label_id: str) -> Response[bytes]:
    id_ = await _decide(request, label_id, RenameLabel(value=await _value(request)))
    return answer({"message": "Label updated successfully!", "data": await _shown(serving(request), id_)})


@delete("/labels/{label_id:str}", opt=needs("labels/manage"), summary="Delete a label", status_code=200)
async def delete_label(request: AnyRequest, label_id: str) -> Response[bytes]:
    await _decide(request, label_id, DeleteLabel())
    return answer({"message": "Label deleted successfully!", "data": ""})


async def _value(request: AnyRequest) -> str:
    fields = Fields(await read_input(request))
    value = fields.required.text("value", max_length=MAX_LENGTH)
    fields.check()
    return value


async def _decide(request: AnyRequest, label_id: str, command: Command) -> int:
    id_ = id_in_path(label_id)
    await serving(request).store.transact(asked_by(request), lambda unit: unit.decide(LABEL, id_, command))
    return id_


async def _shown(service: Service, id_: int) -> dict[str, Any] | None:
    row = await LABELS.table.find(service.store.pool, id_)
    return label(row) if row else None


HANDLERS = [list_labels, create_label, rename_label, delete_label]
