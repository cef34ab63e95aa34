"""Two edits of one customer: what each of the two wants, by field, so that neither is lost."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from api.console.forms import VERSION, read_sent
from api.console.screens.customer.views.profile import LABELS, values_of
from api.handling.as_of import seen
from api.handling.serving import AnyRequest, Service, found, serving
from domain.refusals import CustomerNotFound
from projections.history.stops import Stop, stops_of
from projections.queries.customers import find_customer


class FieldChoice(NamedTuple):
    """`yours` is preferred where you have changed the field."""

    name: str
    label: str
    theirs: str
    yours: str
    prefers_yours: bool


class EditConflict(NamedTuple):
    """`actor` was faster. `agreed` are fields for which there is nothing to choose."""

    actor: str
    at: datetime
    choices: list[FieldChoice]
    agreed: dict[str, str]


async def find_conflict(request: AnyRequest, id_: int, sent: Mapping[str, Any]) -> EditConflict:
    """Between the form that was sent, and the customer as it is by now."""
    service = serving(request)
    row = found(await find_customer(service.store.pool, id_), CustomerNotFound)
    stops = await stops_of(service.store.pool, id_)
    theirs = values_of(row)
    before = await _values_at(service, id_, stops, str((await read_sent(request)).get(VERSION))) or theirs
    yours = {name: str(value) for name, value in sent.items() if name in LABELS}
    choices = [
        FieldChoice(name, LABELS[name], theirs[name], value, value != before[name])
        for name, value in yours.items()
        if value != theirs[name]
    ]
    agreed = {name: value for name, value in yours.items() if value == theirs[name]}
    return EditConflict(stops[-1].actor, stops[-1].occurred_at, choices, agreed)


async def _values_at(service: Service, id_: int, stops: list[Stop], version: str) -> dict[str, str] | None:
    """What the form was made of: a customer's version is the number of its events."""
    number = int(version) if version.isascii() and version.isdigit() else 0
    if not 0 < number <= len(stops):
        return None
    async with seen(service, stops[number - 1].position, id_) as view:
        row = await view.find_customer(id_)
        return None if row is None else values_of(row)
