"""The document, and whether an answer is as it says."""

import json
import re
from functools import cache
from typing import Any, TypeAlias

import httpx
import jsonschema_rs

from api.app import create_app
from api.process.settings import Settings

Body: TypeAlias = dict[str, Any]

DOCUMENT: Body = create_app(Settings(), "postgresql://").openapi_schema.to_schema()
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


@cache
def reasons_of(method: str, path: str) -> frozenset[str] | None:
    """Why the document says that this may be refused; None where it has no such operation."""
    if not (found := _operations_at(method, path)) or ".." in path:
        return None
    contents = (answer.get("content", {}).get("application/json", {}) for answer in found[0]["responses"].values())
    examples = (example["value"] for content in contents for example in content.get("examples", {}).values())
    return frozenset(body["reason"] for body in examples if "reason" in body)


def operation_of(request: httpx.Request) -> Body:
    return _operations_at(request.method, request.url.path)[0]


def _operations_at(method: str, path: str) -> list[Body]:
    """That with the fewest parameters in its path first: a name goes before them."""
    fitting = [
        (known.count("{"), operation)
        for (its, known), operation in OPERATIONS.items()
        if its == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", known), path.rstrip("/"))
    ]
    return [operation for _parameters, operation in sorted(fitting, key=lambda it: it[0])]


def conforms(answer: httpx.Response) -> str:
    """The operation's id, once its answer is found to be as documented."""
    operation = operation_of(answer.request)
    documented = operation["responses"][str(answer.status_code)]
    if "text/plain" in documented["content"]:
        assert answer.headers["content-type"].startswith("text/plain")
    elif "text/event-stream" in documented["content"]:
        event = documented["content"]["text/event-stream"]["itemSchema"]["properties"]
        for line in answer.text.splitlines():
            name, _, value = line.partition(": ")
            if name == "data":
                check(event["data"]["contentSchema"], json.loads(value))
            elif name == "event":
                check(event["event"], value)
    else:
        check(documented["content"]["application/json"]["schema"], answer.json())
    for name, header in documented.get("headers", {}).items():
        if name in answer.headers:
            value = answer.headers[name]
            check(header["schema"], int(value) if header["schema"].get("type") == "integer" else value)
        else:
            assert not header.get("required"), name
    return str(operation["operationId"])
