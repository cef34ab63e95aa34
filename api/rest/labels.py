"""Labels that customers can carry."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from litestar.params import FromPath
from msgspec import Struct

from api.handling.serving import AnyRequest, found, id_in_path, serving
from api.handling.writes import Outcome, carry_out, just
from api.http.answer import Answer, answer
from api.http.request import read
from api.openapi.operation import delete, get, post, put
from api.presentation.labels import ShownLabel, label
from api.presentation.values import Done
from domain.refusals import ClaimTaken, LabelNotFound
from eventstore.postgres.connection import Session
from projections.queries.lookups import every_label, find_label
from service import labels
from service.fields.input import Input, Nothing
from service.fields.kinds import Text

GROUP = "Labels"
TAKEN = ClaimTaken("label", "vip")


class LabelsListed(Struct):
    labels: list[ShownLabel]


class OneLabel(Struct):
    label: ShownLabel


class LabelSaved(Struct):
    message: str
    data: ShownLabel


class NewLabel(Input, forbid_unknown_fields=True):
    value: Annotated[str, Text(192, example="VIP")]


@get("/labels", "List labels", GROUP, "labels/view", answers=LabelsListed)
async def list_labels(request: AnyRequest) -> Answer:
    """All labels of the store, by id."""
    rows = await every_label(serving(request).store.pool)
    return answer(LabelsListed(list(map(label, rows))))


@get("/labels/{label_id:str}", "Get a label", GROUP, "labels/view", answers=OneLabel, refuses=LabelNotFound)
async def get_label(request: AnyRequest, label_id: FromPath[str]) -> Answer:
    """Its value, when it was made, and when it was last renamed."""
    row = found(await find_label(serving(request).store.pool, id_in_path(label_id)), LabelNotFound)
    return answer(OneLabel(label(row)))


@post("/labels", "Create a label", GROUP, "labels/manage", takes=NewLabel, answers=LabelSaved, refuses=TAKEN)
async def create_label(request: AnyRequest) -> Answer:
    """Its value is written as it is sent, and no other label may have it."""
    new = await read(request, NewLabel)
    return await carry_out(request, lambda unit: labels.create(unit, new.value), _saved("Label created successfully!"))


@put(
    "/labels/{label_id:str}", "Rename a label", GROUP, "labels/manage", takes=NewLabel, answers=LabelSaved,
    refuses=(TAKEN, LabelNotFound),
)  # fmt: skip
async def rename_label(request: AnyRequest, label_id: FromPath[str]) -> Answer:
    """All customers who carry it carry it by its new value."""
    id_, new = id_in_path(label_id), await read(request, NewLabel)
    saved = _saved("Label updated successfully!")
    return await carry_out(request, lambda unit: labels.rename(unit, id_, new.value), saved)


@delete(
    "/labels/{label_id:str}", "Delete a label", GROUP, "labels/manage", takes=Nothing, answers=Done,
    refuses=LabelNotFound,
)  # fmt: skip
async def delete_label(request: AnyRequest, label_id: FromPath[str]) -> Answer:
    """No customer carries it any more."""
    id_ = id_in_path(label_id)
    await read(request, Nothing)
    done = just(Done("Label deleted successfully!"))
    return await carry_out(request, lambda unit: labels.delete(unit, id_), done)


def _saved(message: str) -> Callable[[Session, int], Awaitable[Outcome]]:
    async def show(session: Session, id_: int) -> Outcome:
        return Outcome(LabelSaved(message, label(found(await find_label(session, id_), LabelNotFound))))

    return show


HANDLERS = [list_labels, get_label, create_label, rename_label, delete_label]
