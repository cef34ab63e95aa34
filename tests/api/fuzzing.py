"""What schemathesis checks here beside its own: rules that its own cannot know."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema_rs
import schemathesis
from schemathesis import HookContext
from schemathesis.checks import CheckContext
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.checks import negative_data_rejection

# Refusals, by field and rule, of what the document allows: they depend on what is stored, or on another field.
BY_STORE = {
    ("Idempotency-Key", "unique"), ("user_id", "unique"), ("user_id", "exists"), ("user_login", "unique"),
    ("user_email", "unique"), ("value", "unique"), ("labels", "exists"), ("order_id", "exists"),
    ("payment_status", "settled"), ("cursor", "invalid"), ("amount", "max"),
    ("name", "unique"), ("customers.labels", "exists"), ("headers", "exists"), ("as_of", "invalid"), ("as_of", "max"),
}  # fmt: skip
OTHERS_OF_WHAT_IF = ("projection", "from", "customers", "customer_id", "last_customer_id", "swap")
BY_OTHER_FIELD = {
    ("state", "required"), ("state", "invalid"), ("postcode", "required"), ("postcode", "invalid"),
    ("total_refund", "max"), ("subtotal", "max"), ("last_customer_id", "min"), ("projection", "in"),
    ("permissions", "in"), ("since", "invalid"), ("after", "required"), ("until", "min"),
    *((name, "invalid") for name in OTHERS_OF_WHAT_IF),
}  # fmt: skip
BUSINESS = {"Customer already exists.", "Address set as primary failed.", "Can not attach user"}


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """Nobody waits for events that do not come."""
    if case.query and str(case.query.get("wait")).isdigit():
        case.query["wait"] = 0


@schemathesis.check
def refused_only_for_what_no_schema_tells(_ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Replaces positive_data_acceptance."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in {400, 422}:
        return None
    body = response.json()
    reasons = {(field, rule) for field, rules in body.get("errors", {}).items() for rule in rules}
    if reasons <= BY_STORE | BY_OTHER_FIELD and (reasons or body["message"] in BUSINESS):
        return None
    why = f"{sorted(reasons)} {body['message']}"
    raise Failure(operation=case.operation.label, title="Refused what the document allows", message=why)


@schemathesis.check
def accepted_only_what_fits_once_read(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Replaces negative_data_rejection, which minds blanks around a text, unknown parameters, one for a list."""
    try:
        return negative_data_rejection(ctx, response, case)
    except AcceptedNegativeData:
        # What a former answer gave may have taken a field's place; then no part was made not to fit.
        if all(list(_misfits(case, response)) or [_body_misfits(case)]):
            raise
        return None


def _misfits(case: Case[Any], response: Response) -> Iterator[bool]:
    """For each part of the request that was made not to fit, whether it still does not as it was read."""
    assert case.meta is not None
    operation = case.operation.definition.raw
    if case.meta.is_negative_at(ParameterLocation.BODY):
        yield _body_misfits(case)
    sent = parse_qs(urlsplit(str(response.request.url)).query, keep_blank_values=True)
    if case.meta.is_negative_at(ParameterLocation.QUERY):
        read = {name: values for name, values in sent.items() if name not in _fields_of_body(case)}
        yield not all(_valid(case, schema, value) for schema, value in _query(operation, read))
    if case.meta.is_negative_at(ParameterLocation.HEADER):
        headers = response.request.headers
        known = [it for it in operation["parameters"] if it["in"] == "header" and it["name"] in headers]
        yield not all(_valid(case, it["schema"], headers[it["name"]].strip()) for it in known)


def _fields_of_body(case: Case[Any]) -> dict[str, Any]:
    """What the query says of the same fields is not read."""
    return case.body if isinstance(case.body, dict) else {}


def _body_misfits(case: Case[Any]) -> bool:
    schema = case.operation.definition.raw["requestBody"]["content"]["application/json"]["schema"]
    body = _trimmed(case.body)
    if isinstance(body, dict):
        body = {name: _listed(schema["properties"].get(name, {}), value) for name, value in body.items()}
    return not _valid(case, schema, body)


def _listed(schema: dict[str, Any], value: Any) -> Any:
    """A single value stands for a list of one, as in forms and queries."""
    return [value] if schema.get("type") == "array" and isinstance(value, str | int) else value


def _query(operation: dict[str, Any], sent: dict[str, list[str]]) -> Iterator[tuple[dict[str, Any], Any]]:
    for parameter in operation["parameters"]:
        if parameter["in"] != "query" or parameter["name"] not in sent:
            continue
        values = [value.strip() for value in sent[parameter["name"]]]
        is_list = any(form.get("type") == "array" for form in parameter["schema"].get("anyOf", ()))
        yield parameter["schema"], [it for it in values if it] if is_list and len(values) > 1 else values[-1]


def _valid(case: Case[Any], schema: dict[str, Any], value: Any) -> bool:
    document = {**schema, "components": case.operation.schema.raw_schema["components"]}
    return jsonschema_rs.is_valid(document, value, validate_formats=True)


def _trimmed(value: Any) -> Any:
    match value:
        case str():
            return value.strip()
        case list():
            return [_trimmed(item) for item in value]
        case dict():
            return {name: _trimmed(item) for name, item in value.items()}
        case _:
            return value
