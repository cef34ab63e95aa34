"""The document, and whether an answer is as it says."""

import json
import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from api.app import create_app
from tests.api.shop import SETTINGS, Body

DOCUMENT: Body = create_app(SETTINGS, "postgresql://").openapi_schema.to_schema()
SCHEMAS: Body = DOCUMENT["components"]["schemas"]
OPERATIONS: dict[tuple[str, str], Body] = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def closed(schema: Any) -> Any:
    """With no properties but those that it names, so that a test sees what is not documented."""
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    known = {name: closed(inner) for name, inner in schema.items()}
    return known | {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else known


CLOSED = {"schemas": closed(SCHEMAS)}


def example_of(operation: Body) -> Any:
    body = operation.get("requestBody")
    return body["content"]["application/json"]["example"] if body else None


def check(schema: Body, value: Any) -> None:
    _validator(json.dumps(schema)).validate(value)


@cache
def _validator(schema: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({**closed(json.loads(schema)), "components": CLOSED})


def operation_of(request: httpx.Request) -> Body:
    """That with the fewest parameters in its path: a name goes before them."""
    fitting = [
        (path.count("{"), operation)
        for (method, path), operation in OPERATIONS.items()
        if method == request.method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.url.path.rstrip("/"))
    ]
    return min(fitting, key=lambda it: it[0])[1]


def conforms(answer: httpx.Response) -> str:
    """The operation's id, once its answer is found to be as documented."""
    operation = operation_of(answer.request)
    documented = operation["responses"][str(answer.status_code)]
    if "text/plain" in documented["content"]:
        assert answer.headers["content-type"].startswith("text/plain")
    elif "text/event-stream" in documented["content"]:
        check({"$ref": "#/components/schemas/Replay"}, json.loads(answer.text.rpartition("data: ")[2]))
    else:
        check(documented["content"]["application/json"]["schema"], answer.json())
    for name, header in documented.get("headers", {}).items():
        if name in answer.headers:
            value = answer.headers[name]
            check(header["schema"], int(value) if header["schema"].get("type") == "integer" else value)
        else:
            assert not header.get("required"), name
    return str(operation["operationId"])
