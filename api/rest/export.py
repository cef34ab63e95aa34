"""Everything that is held about a person, as JSON: before an erasure, or because somebody has asked for it."""

from typing import Any

from litestar import get
from litestar.params import FromPath

from api.handling.serving import AnyRequest, customer_in_path, needs, serving
from api.http.answer import Answer, answer
from api.presentation.records import Row, address, customer, customer_label, history_entry, user, whole_order
from eventstore.postgres.stream_ids import from_uuid
from projections.history.person import Export
from service import privacy
from service.values import shown


@get("/customers/{customer_id:str}/export", opt=needs("users/view"), summary="All that is held about a customer")
async def get_export(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Its own and its users' data, orders, events with what each said, kept answers. Needs `customers/view`, too."""
    service, id_ = serving(request), customer_in_path(customer_id)
    request.user.require("customers/view")
    found = await privacy.export(service.store, id_)
    body = export_body(found, service.settings.store_url)
    return answer({"export": body}, version=found.customer["version"])


def export_body(found: Export, store_url: str) -> dict[str, Any]:
    return {
        "customer": customer(found.customer, store_url) | {"labels": list(map(customer_label, found.labels))},
        "addresses": list(map(address, found.addresses)),
        "users": list(map(user, found.users)),
        "orders": list(map(whole_order, found.orders)),
        "events": list(map(history_entry, found.events)),
        "events_of_users": list(map(history_entry, found.of_users)),
        "claims": list(map(_plain, found.claims)),
        "kept_answers": list(map(_plain, found.answers)),
        "keys": list(map(_key, found.keys)),
    }


def _plain(row: Row) -> dict[str, Any]:
    return {name: shown(value) for name, value in row.items()}


def _key(row: Row) -> dict[str, Any]:
    """That there is one, and never more."""
    stream = from_uuid(row["originator_id"])
    named = {name: row[name] for name in ("since", "until", "is_destroyed")}
    return {"subject": {"type": stream.category, "id": stream.id}} | named


HANDLERS: list[Any] = [get_export]
