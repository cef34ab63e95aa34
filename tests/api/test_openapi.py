"""The document, held against the routes and what they really answer."""

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from litestar.routes import HTTPRoute

from api.app import RESOURCES, create_app
from api.handling.filters import CUSTOMER_PROPERTIES, ORDER_PROPERTIES, Form
from api.http.paths import BASE
from api.process.settings import Settings
from projections.queries.customers import LISTING as CUSTOMERS
from projections.queries.orders import LISTING as ORDERS
from service.fields.input import fields_of
from service.fields.kinds import Cents
from service.fields.order import NewItem, NewOrder
from tests.api.documented import DOCUMENT, OPERATIONS, SCHEMAS, Body, check, conforms, example_of
from tests.api.every_operation import every_operation
from tests.api.shop import SETTINGS, Shop, done


def test_the_document_has_every_route_and_no_other() -> None:
    app = create_app(SETTINGS, "postgresql://")
    routes = {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith((BASE, "/health", "/metrics"))
        for method in route.methods - {"OPTIONS", "HEAD"}
    }
    assert set(OPERATIONS) == routes


def test_a_handler_reads_what_its_operation_takes() -> None:
    of_several = {"do_bulk_action"}  # one after the other
    for resource in RESOURCES:
        for handler in resource.HANDLERS:
            takes = {each.__name__ for each in handler.opt["operation"].takes}
            read = set(re.findall(r"\bread\(request, (\w+)", inspect.getsource(handler.fn)))
            agrees = read <= takes and takes - read <= {"Nothing"}  # which others may read for it
            assert agrees or handler.handler_name in of_several, handler.handler_name


MEDIA = {"application/json", "text/event-stream", "text/plain"}


def test_of_every_route_it_is_said_what_it_answers() -> None:
    silent = {
        operation["operationId"]
        for operation in OPERATIONS.values()
        if not operation["responses"]["200"].get("content", {}).keys() & MEDIA
    }
    assert not silent, "these do not say what they answer"


def test_every_operation_says_what_it_does_in_whole_sentences() -> None:
    for operation in OPERATIONS.values():
        said, _, _ = operation["description"].partition("Permission: `")
        assert re.match(r"[A-Z`].{8,}\.\s*$", said, re.DOTALL), operation["operationId"]


def test_every_operation_has_its_own_name_and_says_what_it_needs() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)
    for (_method, path), operation in OPERATIONS.items():
        assert path.startswith("/health") or "Permission: `" in operation["description"]
        assert operation["summary"]
        assert operation["tags"]


async def test_what_is_sent_is_documented_in_the_order_in_which_it_is_sent(shop: Shop) -> None:
    id_ = await shop.customer()
    await shop.address(id_)
    order_id = await shop.order(id_)
    found = {
        "Customer": await shop.shown(id_),
        "Address": (await shop.addresses(id_))[0],
        "Order": done(await shop.get(f"/orders/{order_id}"))["order"],
    }
    for name, body in found.items():
        documented = [key for key in SCHEMAS[name]["properties"] if key in body]
        assert documented == list(body)


def enumerations(schema: Any) -> Iterator[list[Any]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("enum"), list):
            yield schema["enum"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            yield from enumerations(inner)


def test_a_typed_client_can_name_every_choice_and_parameter() -> None:
    """Generators name a choice after its word, and leave out an operation with two parameters of the same letters."""
    typed = [schema for name, schema in SCHEMAS.items() if not name.endswith("Filters")]  # which are sent as text
    for words in enumerations([typed, DOCUMENT["paths"]]):
        assert all(
            isinstance(word, int) or re.fullmatch(r"[A-Za-z][\w./+-]*", word) or word in {"0", "1"} for word in words
        )
    for operation in OPERATIONS.values():
        names = [re.sub(r"\W", "", parameter["name"]).lower() for parameter in operation.get("parameters", [])]
        assert len(set(names)) == len(names), operation["operationId"]


def test_no_schema_is_named_like_one_of_its_properties() -> None:
    """Generators name a variable after the schema, beside those that are named after the properties."""
    for name, schema in SCHEMAS.items():
        assert re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() not in schema.get("properties", {}), name


def test_a_store_with_full_names_asks_for_them() -> None:
    schema = create_app(Settings(name_mode="full_name"), "postgresql://").openapi_schema.to_schema()
    operation = schema["paths"][f"{BASE}/customers"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["required"]) == {"email", "full_name"}
    assert "NAME_MODE" in body["properties"]["first_name"]["description"]


@pytest.mark.parametrize(("method", "required"), [("post", "first_name"), ("put", "first_name")])
def test_a_full_name_is_spoken_of_where_two_names_are_asked_for(method: str, required: str) -> None:
    path = f"{BASE}/customers" if method == "post" else f"{BASE}/customers/{{customer_id}}"
    body = DOCUMENT["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    assert required in body["required"]
    assert "NAME_MODE" in body["properties"]["full_name"]["description"]


def test_every_amount_says_its_unit() -> None:
    sent = {field.name for type_ in (NewOrder, NewItem) for field in fields_of(type_) if isinstance(field.kind, Cents)}
    names = {*sent, "ltv", "aov", "contribution"}
    bodies = {
        operation["operationId"]: operation["requestBody"]["content"]["application/json"]["schema"]
        for operation in OPERATIONS.values()
        if "requestBody" in operation and "Orders" in operation["tags"]
    }
    for where, schema in (SCHEMAS | bodies).items():
        for name, field in schema.get("properties", {}).items():
            if name in names | {"amount"}:
                assert "cents" in field.get("description", "").lower(), (where, name)


def test_every_list_says_what_it_takes_and_in_which_unit() -> None:
    for path, listing, properties in (
        ("/customers", CUSTOMERS, CUSTOMER_PROPERTIES),
        ("/orders", ORDERS, ORDER_PROPERTIES),
        ("/customers/{customer_id}/orders", ORDERS, ORDER_PROPERTIES),
    ):
        known = {parameter["name"]: parameter for parameter in OPERATIONS["GET", BASE + path]["parameters"]}
        search, filters_ = known["search"]["description"], known["advanced_filters"]["description"]
        assert all(f"`{name}` (" in search for name in (*listing.searchable.columns, *listing.searchable.others))
        for source, forms in properties.items():
            [line] = [line for line in filters_.splitlines() if line.startswith(f"- `{'/'.join(source)}`:")]
            assert all(f"`{operator}`" in line for form in forms for operator in form.operators)
        assert "not cents" in filters_
        defaults = {name: parameter["schema"].get("default") for name, parameter in known.items()}
        assert {name: value for name, value in defaults.items() if value is not None} == {
            "page": 1, "per_page": 10, "sort_by": "id", "sort_type": "desc", "filter_type": "simple",
            "active_view": "all",
        }  # fmt: skip
        assert {"select", "with"} <= known.keys()


def test_what_moves_updated_at_is_said() -> None:
    for name in ("Customer", "Address", "Order", "Label"):
        assert "Moved by" in SCHEMAS[name]["properties"]["updated_at"]["description"]


def examples() -> Iterator[Any]:
    for operation in OPERATIONS.values():
        name = operation["operationId"]
        if body := operation.get("requestBody"):
            content = body["content"]["application/json"]
            yield pytest.param(content["schema"], content["example"], id=name)
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/json")
            if content is None:
                continue  # a stream of events, or no body
            found = content.get("examples", {"": {"value": content.get("example")}})
            for number, example in found.items():
                yield pytest.param(content["schema"], example["value"], id=f"{name} {status} {number}")


@pytest.mark.parametrize(("schema", "example"), list(examples()))
def test_every_example_fits(schema: Body, example: Any) -> None:
    check(schema, example)


async def test_answers_are_as_documented(empty_shop: Shop) -> None:
    shop = empty_shop
    answers = [answer async for answer in every_operation(shop)]
    assert {answer.status_code for answer in answers} == {200}
    told = {conforms(answer) for answer in answers}
    assert told == {operation["operationId"] for operation in OPERATIONS.values()}


PRESSED = [
    "create_customer", "update_customer", "create_label", "set_labels", "create_address", "create_address",
    "make_primary", "update_address", "delete_address", "put_user", "attach_user", "detach_user", "do_bulk_action",
    "patch_customer", "record_payment", "record_refund", "update_order", "place_order", "transfer_order",
    "recalculate_ltv", "rename_label", "get_customers", "get_customer", "list_addresses", "get_orders",
    "get_every_order", "get_stats", "get_history", "list_users", "get_attachable_users", "list_labels", "get_label",
    "get_store_orders", "get_order", "delete_order", "delete_label", "delete_user", "create_credential",
    "list_credentials",
]  # fmt: skip


async def test_what_the_page_fills_in_works(empty_shop: Shop) -> None:
    """Pressing one after the other, in a store that has customers 1 and 2 and an order, as the sample has."""
    shop = empty_shop
    await shop.order(await shop.customer(), 5_000, id=10)
    await shop.customer()
    known = {operation["operationId"]: where for where, operation in OPERATIONS.items()}
    for name in PRESSED:
        method, path = known[name]
        operation = OPERATIONS[method, path]
        for parameter in operation["parameters"]:
            path = path.replace(f"{{{parameter['name']}}}", str(parameter.get("example")))
        answer = await shop.http.request(method, path.removeprefix(BASE), json=example_of(operation))
        assert answer.status_code == 200, (name, answer.text)


async def test_refusals_are_as_documented(shop: Shop) -> None:
    id_, order = await shop.customer(), 0
    order = await shop.order(id_)
    for (method, path), operation in OPERATIONS.items():
        if path.startswith("/health"):
            continue
        known = path.removeprefix(BASE) if path.startswith(BASE) else f"http://store.example{path}"
        there = known.replace("{customer_id}", str(id_)).replace("{order_id}", str(order))
        missing = re.sub(r"{\w+}", "99999999", known)
        nonsense = {"with": "x", "from": "x", "type": "x", "search": "\0"}
        requests: list[Body] = [
            {"auth": ("nobody", "x")},
            {"auth": ("worker", shop.passwords["worker"])},
            {"json": {}, "params": nonsense},
            {"headers": {"If-Match": '"99"', "Idempotency-Key": "k" * 300}},
            {"content": b"{" if "requestBody" in operation else b""},
        ]
        await shop.forgive()
        answers = [await shop.http.request(method, there, **request) for request in requests]
        answers.append(await shop.http.request(method, missing, json=example_of(operation)))
        for answer in answers:
            assert conforms(answer) == operation["operationId"]


def filters(properties: dict[tuple[str, str], tuple[Form, ...]]) -> list[tuple[tuple[str, str], str, Any]]:
    return [
        (source, operator, form.value and sample(form.value))
        for source, forms in properties.items()
        for form in forms
        for operator in form.operators
    ]


def sample(schema: Body) -> Any:
    match schema:
        case {"enum": [first, *_]}:
            return first
        case {"type": "array"}:
            return [sample(schema["items"])] * schema["minItems"]
        case {"type": "number"}:
            return 12.5
        case {"type": "integer"}:
            return 3
        case _:
            return "2025-01-28" if "[0-9]" in schema["pattern"] else "Jane"


@pytest.mark.parametrize(
    ("schema", "path", "known"),
    [
        ("CustomerFilters", "/customers", CUSTOMER_PROPERTIES),
        ("OrderFilters", "/customers/{}/orders", ORDER_PROPERTIES),
        ("OrderFilters", "/orders", ORDER_PROPERTIES),
    ],
)
async def test_every_filter_that_is_documented_works(shop: Shop, schema: str, path: str, known: Any) -> None:
    id_ = await shop.customer()
    for source, operator, value in filters(known):
        item = {"source": list(source), "operator": operator} | ({} if value is None else {"value": value})
        check(SCHEMAS[schema], [[item]])
        query = {"filter_type": "advanced", "advanced_filters": json.dumps([[item]])}
        done(await shop.get(path.format(id_), params=query))
        for wrong in ({**item, "operator": "like"}, {**item, "source": [source[0], "x"]}):
            query["advanced_filters"] = json.dumps([[wrong]])
            assert (await shop.get(path.format(id_), params=query)).status_code == 422


async def test_the_page_and_what_it_needs_are_served_from_here(shop: Shop) -> None:
    async with httpx.AsyncClient(transport=shop.http._transport, base_url="http://store.example") as web:
        page = (await web.get("/docs")).text
        assert "//" not in page
        for address in re.findall(r'(?:src|href)="(/[^"]+)"', page):
            assert (await web.get(address)).status_code == 200
        served = cast("Body", (await web.get("/docs/openapi.json")).json())
    assert served == DOCUMENT
