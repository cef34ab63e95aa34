"""The document, from the routes that Litestar knows and the operation of each handler."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI

from api.edge.limits import MAX_HEADER_BYTES, MAX_URL_BYTES
from api.handling.errors import in_words
from api.handling.idempotency import FORGOTTEN, KEY, MAX_KEY, OTHER_REQUEST, RUNNING
from api.handling.if_match import NOTHING_TO_MATCH, UNREADABLE
from api.handling.refusal_table import REFUSALS
from api.http.refusals import (
    BadEncoding,
    BadIfMatch,
    Forbidden,
    HttpRefusal,
    InternalFault,
    Invalid,
    InvalidJson,
    Late,
    NoPrimary,
    Slow,
    Stale,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unknown,
)
from api.openapi.components import components, example, reference
from api.openapi.inputs import body_of, parameters_of
from api.openapi.operation import Operation, Refusal
from api.openapi.refused import responses
from api.process.settings import NameMode
from eventstore.postgres.json import encode
from projections.fold.fold import PoisonedError
from service.fields.convert import MAX_INTEGER
from service.fields.kinds import Schema

Document = dict[str, Any]

# The ids in paths that the page fills in; they are in the bundled sample, which has no order 1.
EXAMPLES: dict[str, Any] = {"order_id": 10, "uuid": "0f8fad5b-d9cb-469f-a165-70867728950e"}

_VERSION: Schema = {"type": "string", "pattern": '^"[0-9]+"$', "examples": ['"7"']}
_IF_MATCH: Schema = {
    "name": "If-Match",
    "in": "header",
    "description": "The version of the customer or webhook, as its ETag says; or * for any. 412 when there is a newer "
    "one, 400 when it can't be read, or is sent with a write that is about neither.",
    "schema": {"type": "string", "pattern": r'^(\*|"[0-9]{1,15}")$'},
}
_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "The same request with the same key is carried out once, and answered alike for 24 hours. "
        "A refusal is not kept: it may be sent again."
    ),
    "schema": {"type": "string", "pattern": f"^{KEY}$", "maxLength": MAX_KEY},
}
_REPLAYED: Schema = {"description": "Carried out before, under this Idempotency-Key", "schema": {"const": "true"}}
# The server's own refusals, of what is longer still, have no body.
_LONG_ADDRESS: Document = {"414": {"description": f"The address is longer than {MAX_URL_BYTES >> 10} KiB"}}
_LONG_HEADERS: Document = {"431": {"description": f"The headers are longer than {MAX_HEADER_BYTES >> 10} KiB"}}
_TEXT: Schema = {"type": "string"}
_PATH_ID: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_INTEGER}
_METRIC = "custodiary_log_position 93229.0\n"


@dataclass
class DocumentConfig(OpenAPIConfig):
    """`operations` by the handlers' names; `name_mode` says how the store asks for names."""

    operations: Mapping[str, Operation] = field(default_factory=dict)
    name_mode: NameMode = "first_name"

    def __post_init__(self) -> None:
        self.operation_id_creator = lambda handler, _method, _path: handler.handler_name
        super().__post_init__()

    def to_openapi_schema(self) -> OpenAPI:
        skeleton = super().to_openapi_schema()
        document = _Completed(**{known.name: getattr(skeleton, known.name) for known in fields(skeleton)})
        document.complete = self._complete
        return document

    def _complete(self, document: Document) -> Document:
        known = components(self.operations.values())
        for path, methods in document["paths"].items():
            for method, skeleton in methods.items():
                name = skeleton["operationId"]
                if operation := self.operations.get(name):  # a test names those that have none
                    route = _Route(path, method, skeleton, operation, self.name_mode)
                    methods[method] = _operation(route, known)
        groups = dict.fromkeys(operation.group for operation in self.operations.values())
        document["tags"] = [{"name": group} for group in groups]
        document["components"]["schemas"] = known
        return document


class _Completed(OpenAPI):
    complete: Callable[[Document], Document]

    def to_schema(self) -> Document:
        return self.complete(super().to_schema())


@dataclass
class _Route:
    """A route as Litestar knows it, with its operation."""

    path: str
    method: str
    skeleton: Document
    operation: Operation
    name_mode: NameMode

    @property
    def writes(self) -> bool:
        return self.method != "get"

    @property
    def matches(self) -> bool:
        """Whether If-Match means something."""
        return self.writes and self.operation.versioned not in {False, "new"}

    @property
    def query(self) -> Mapping[str, Schema]:
        """Parameters of what only reads, and of a DELETE, whose body not every client can send."""
        return parameters_of(self.operation.takes) if self.method in {"get", "delete"} else {}

    @property
    def body(self) -> Schema | None:
        return body_of(self.operation.takes, self.name_mode) if self.writes else None

    def refusals(self) -> Iterator[HttpRefusal]:
        """What any request of this kind may meet, and what this one may."""
        if self.operation.permission is not None:
            yield from (Unauthenticated(), Forbidden(), TooMany(1), InternalFault("0f8fad5bd9cb469fa16570867728950e"))
            yield from (Late(), NoPrimary("away"))
        if self.writes:
            yield InvalidJson("The body is not valid JSON.")
        if self.body is not None or self.query:
            yield Invalid({"email": {"required": "The email field is required."}})
        if self.writes or self.query:
            yield TooLarge("The request is larger than this service accepts.")
        if self.writes:
            yield from (RUNNING, FORGOTTEN, OTHER_REQUEST, BadEncoding(), Slow(30), Unknown())
        if self.writes:
            yield BadIfMatch(UNREADABLE if self.matches else NOTHING_TO_MATCH)
        if self.matches:
            yield Stale(8)
        if "as_of" in self.query:
            yield _answered(PoisonedError(9214, ""))
        yield from map(_answered, self.operation.refuses)


def _operation(route: _Route, known: dict[str, Schema]) -> Document:
    operation, skeleton = route.operation, route.skeleton
    needed = "" if operation.permission is None else f"Permission: `{operation.permission}`."
    documented = {
        "tags": [operation.group],
        "summary": skeleton["summary"],
        "description": " ".join(filter(None, [skeleton.get("description"), needed])),
        "operationId": skeleton["operationId"],
        "parameters": list(_parameters(route)),
        "responses": {**_answers(route, known), **responses(route.refusals()), **_too_long(route)},
    }
    if operation.permission is None:
        documented["security"] = []
    if (body := route.body) is not None:
        content = {"schema": body, "example": example(body, known)}
        documented["requestBody"] = {"required": not route.query, "content": {"application/json": content}}
    return documented


def _answered(refusal: Refusal) -> HttpRefusal:
    return in_words(REFUSALS, refusal() if isinstance(refusal, type) else refusal)


def _too_long(route: _Route) -> Document:
    if route.operation.permission is None:
        return {}
    return _LONG_HEADERS | (_LONG_ADDRESS if route.query else {})


def _parameters(route: _Route) -> Iterator[Document]:
    for name in re.findall(r"{(\w+)}", route.path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"} if name == "uuid" else _PATH_ID,
            "example": EXAMPLES.get(name, 1),
        }
    for name, schema in route.query.items():
        about = {key: schema[key] for key in ("description",) if key in schema}
        rest = {key: value for key, value in schema.items() if key != "description"}
        yield {"name": name, "in": "query", **about, "schema": rest}
    if route.writes:
        yield _KEY
    if route.matches:
        yield _IF_MATCH


def _content(operation: Operation, known: dict[str, Schema]) -> Document:
    references = [reference(answer) for answer in operation.answers]
    if not references:
        return {"text/plain": {"schema": _TEXT, "example": _METRIC}}
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    if operation.streams:
        return {"text/event-stream": _stream(operation.streams, schema, known)}
    return {"application/json": {"schema": schema, "example": example(schema, known)}}


def _stream(names: Sequence[str], schema: Schema, known: dict[str, Schema]) -> Document:
    """The schema is of each event, which is how tools that know such streams read it."""
    content = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
    properties = {"event": {"enum": list(names)}, "data": content}
    events: Schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "itemSchema": events,
        "example": f"event: {names[0]}\r\ndata: {encode(example(schema, known)).decode()}\r\n\r\n",
    }


def _answers(route: _Route, known: dict[str, Schema]) -> Document:
    headers: Document = {}
    if route.operation.versioned:
        always = route.operation.versioned != "unless erased"
        headers["ETag"] = {
            "description": "The version of what the answer is about",
            "required": always,
            "schema": _VERSION,
        }
    if route.writes:
        headers["Idempotency-Replayed"] = _REPLAYED
    content = _content(route.operation, known)
    done = {"description": "Done", "headers": headers, "content": content}
    return (
        {"200": done, "503": {"description": "Not now", "content": content}}
        if route.operation.unready
        else {"200": done}
    )
