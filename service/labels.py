"""Labels that customers can carry: create, rename, delete."""

from domain.label import LABEL, CreateLabel, DeleteLabel, RenameLabel
from eventstore.store import Unit


async def create(unit: Unit, value: str) -> int:
    """The new label's id."""
    id_ = await unit.new_id(LABEL)
    await unit.decide(LABEL, id_, CreateLabel(value=value))
    return id_


async def rename(unit: Unit, id_: int, value: str) -> int:
    """The label's id. All customers who carry it carry it by its new value."""
    await unit.decide(LABEL, id_, RenameLabel(value=value))
    return id_


async def delete(unit: Unit, id_: int) -> None:
    """No customer carries it any more."""
    await unit.decide(LABEL, id_, DeleteLabel())
