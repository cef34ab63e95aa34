"""The schemas that operations refer to, and examples made of the examples that their fields have."""

from collections.abc import Collection
from typing import Any, get_args
from zoneinfo import available_timezones

import msgspec
import pycountry

from api.handling.filters import CUSTOMER_FILTERS, ORDER_FILTERS
from api.http.bodies import Body
from api.http.reasons import Reason
from api.openapi.inputs import parts_of
from api.openapi.operation import Operation
from api.presentation.customers import ShownCustomer, ShownCustomerRow, ShownOrderRow
from api.presentation.orders import ShownOrder
from eventstore.postgres.json import encode
from service.credentials.choices import PERMISSION, ROLE
from service.fields import choices
from service.fields.kinds import REFERENCE, Schema

WORDS = (
    choices.CUSTOMER_STATUS, choices.ADDRESS_TYPE, choices.ORDER_STATUS, choices.ORDER_TYPE, choices.ORDER_MODE,
    choices.PAYMENT_STATUS, choices.UNPAID_STATUS, choices.EVENT_TYPE, choices.MESSAGE_FORM, choices.DELIVERY_ORDER,
    choices.PAUSE_REASON, choices.FIELD_RULE, ROLE, PERMISSION,
)  # fmt: skip
PREFIX = "Shown"  # of classes whose name is the domain's, too: to clients, a ShownCustomer is a Customer


def _name(type_: type) -> str:
    return type_.__name__.removeprefix(PREFIX)


_PARTIAL = {ShownCustomerRow: ShownCustomer, ShownOrderRow: ShownOrder}
_WHOLE = {_name(partial): _name(whole) for partial, whole in _PARTIAL.items()}
_PLAIN: dict[str, Any] = {"integer": 0, "number": 0, "string": "", "boolean": False, "array": [], "object": {}}


def components(operations: Collection[Operation]) -> dict[str, Schema]:
    """All schemas that operations refer to, by name."""
    types = dict.fromkeys([*(answer for each in operations for answer in each.answers), *get_args(Body)])
    _references, made = msgspec.json.schema_components(types, ref_template=REFERENCE + "{name}")
    text = encode(made).replace(f'"{REFERENCE}{PREFIX}'.encode(), f'"{REFERENCE}'.encode())
    known = {name.removeprefix(PREFIX): _as_sent(name, schema) for name, schema in msgspec.json.decode(text).items()}
    for partial in _WHOLE:
        known[partial]["required"] = ["id"]
    about = "".join(f"\n- `{reason}` ({reason.status}): {reason.meaning}" for reason in Reason)
    known[Reason.__name__]["description"] += f"\n{about}"
    countries = sorted(country.alpha_2 for country in pycountry.countries)
    return {
        **dict(sorted(known.items())),
        **{words.name: {"type": "string", "enum": list(words.words)} for words in WORDS},
        **{part.__name__: part.schema() for each in operations for part in parts_of(each.takes)},
        "CustomerFilters": CUSTOMER_FILTERS,
        "OrderFilters": ORDER_FILTERS,
        "Country": {"type": "string", "enum": countries, "description": "ISO 3166 alpha-2"},
        "TimeZone": {"type": "string", "enum": _time_zones(), "description": "IANA time zone"},
    }


def _as_sent(name: str, schema: Schema) -> Schema:
    """A field that has a default is sent, too."""
    fields: dict[str, Schema] = schema.get("properties", {})
    always = [field for field, it in fields.items() if "default" in it]
    for field in always:
        del fields[field]["default"]
    required = [field for field in fields if field in {*schema.get("required", ()), *always}]
    return (
        schema | ({"title": name.removeprefix(PREFIX)} if fields else {}) | ({"required": required} if always else {})
    )


def reference(answer: type[msgspec.Struct]) -> Schema:
    return {"$ref": REFERENCE + _name(answer)}


def _time_zones() -> list[str]:
    """Those of places; abbreviations, which are older and say less, are understood as well."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return ["UTC", *sorted(places)]


def example(schema: Schema, known: dict[str, Schema]) -> Any:
    """An example of an object: its required fields, and those with an example of their own."""
    match schema:
        case {"examples": [value, *_]} | {"const": value} | {"enum": [value, *_]}:
            return value
        case {"$ref": str(reference)}:
            name = reference.removeprefix(REFERENCE)
            return example(known[_WHOLE.get(name, name)], known)
        case {"anyOf": [first, *_]}:
            return example(first, known)
        case {"properties": dict(fields)}:
            wanted = schema.get("required", [])
            return {name: example(it, known) for name, it in fields.items() if name in wanted or "examples" in it}
        case {"items": dict(items)}:
            return [example(items, known)]
        case _:
            return _PLAIN.get(str(schema.get("type")))
