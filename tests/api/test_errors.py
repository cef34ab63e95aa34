import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.params import FromPath
from msgspec import json, to_builtins

from api.handling.errors import Refusals, exception_handlers
from api.http.reasons import Reason
from api.http.refusals import (
    CustomerGone,
    Forbidden,
    HttpRefusal,
    Invalid,
    InvalidJson,
    Rule,
    Stale,
    TooLarge,
    TooMany,
    Unauthenticated,
)
from api.process.logs import JsonLines
from service.fields.reader import Errors
from tests.api.client import client_of


class AddressNotFound(Exception):
    pass


class RefundExceedsPayment(Exception):
    pass


class RefundOfNothing(RefundExceedsPayment):
    pass


TABLE: Refusals = {
    AddressNotFound: Rule(Reason.ADDRESS_NOT_FOUND, "Address not found, please reload the page and try again!"),
    RefundExceedsPayment: lambda refusal: Invalid({"amount": {"max": f"At most {refusal.args[0]} can be refunded."}}),
}


@pytest.fixture(name="http")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    raised: dict[str, Exception] = {
        "address": AddressNotFound(7),
        "refund": RefundExceedsPayment(500),
        "nothing": RefundOfNothing(0),
        "stale": Stale(3),
        "many": TooMany(12),
        "credentials": Unauthenticated(),
        "fault": RuntimeError("SELECT secret FROM customers"),
    }

    @get("/raise/{name:str}")
    async def raise_it(name: FromPath[str]) -> str:
        raise raised[name]

    @get("/number/{number:int}")
    async def number_only(number: FromPath[int]) -> int:
        return number

    handlers = exception_handlers(TABLE, lambda _request: "request-1")
    async with client_of(Litestar([raise_it, number_only], exception_handlers=handlers, openapi_config=None)) as http:
        yield http


FORBIDDEN = "Sorry, you are not allowed to do that."


@pytest.mark.parametrize(
    ("refusal", "status", "body"),
    [
        (Rule(Reason.PRIMARY_ADDRESS_KEPT, "Primary address."), 403, ("Primary address.", 403, "")),
        (Rule(Reason.CUSTOMER_EXISTS, "Customer already exists."), 400, ("Customer already exists.", 400, "")),
        (Unauthenticated(), 401, (FORBIDDEN, "rest_forbidden", {"status": 401})),
        (Forbidden(), 403, (FORBIDDEN, "rest_forbidden", {"status": 403})),
        (InvalidJson("No."), 400, ("No.", "rest_invalid_json", {"status": 400})),
        (TooLarge("Too large."), 413, ("Too large.", 413, "")),
        (Stale(7), 412, ("This customer has changed meanwhile, and is now at version 7.", 412, {"version": 7})),
        (TooMany(3), 429, ("Too many requests. Please try again in 3 s.", 429, "")),
    ],
)
def test_each_refusal_has_its_row_in_the_table(refusal: HttpRefusal, status: int, body: tuple[Any, ...]) -> None:
    message, code, data = body
    told = {"code": code, "message": message, "data": data, "reason": refusal.reason}
    assert (refusal.status, to_builtins(refusal.body)) == (status, told)


def test_a_customer_that_is_gone_has_a_body_of_its_own() -> None:
    assert (CustomerGone().status, to_builtins(CustomerGone().body)) == (
        404,
        {
            "message": "Customer not found",
            "back_text": "Back to Customer List",
            "back_url": "/customers",
            "reason": "customer_not_found",
        },
    )


def test_the_message_of_a_validation_is_the_first() -> None:
    errors: Errors = {"a": {"required": "First."}, "b": {"email": "Second."}}
    assert to_builtins(Invalid(errors).body) == {
        "code": "rest_request_validation",
        "message": "First.",
        "errors": errors,
        "reason": "invalid_fields",
    }


async def test_a_domain_refusal_is_answered_by_the_table(http: httpx.AsyncClient) -> None:
    answer = await http.get("/raise/address")
    assert (answer.status_code, answer.json()) == (
        404,
        {
            "code": 404,
            "message": "Address not found, please reload the page and try again!",
            "data": "",
            "reason": "address_not_found",
        },
    )


@pytest.mark.parametrize(("name", "amount"), [("refund", 500), ("nothing", 0)])
async def test_the_table_may_use_the_facts_of_a_refusal_and_of_its_kin(
    http: httpx.AsyncClient, name: str, amount: int
) -> None:
    answer = await http.get(f"/raise/{name}")
    assert (answer.status_code, answer.json()["message"]) == (422, f"At most {amount} can be refunded.")


async def test_headers_go_with_the_refusal(http: httpx.AsyncClient) -> None:
    assert (await http.get("/raise/many")).headers["Retry-After"] == "12"
    assert (await http.get("/raise/credentials")).headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("GET", "/number/abc"), ("POST", "/%00")])
async def test_an_unknown_route_is_no_route(http: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await http.request(method, path)
    assert (answer.status_code, answer.json()) == (
        404,
        {
            "code": "rest_no_route",
            "message": "No route was found matching the URL and request method.",
            "data": {"status": 404},
            "reason": "no_route",
        },
    )


async def test_a_fault_is_logged_and_tells_only_its_request_id(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="custodiary.api"):
        answer = await http.get("/raise/fault")
    assert (answer.status_code, answer.json()) == (
        500,
        {
            "code": 500,
            "message": "Internal error",
            "data": {"request_id": "request-1"},
            "reason": "internal_error",
        },
    )
    [line] = [json.decode(JsonLines().format(record)) for record in caplog.records if record.name == "custodiary.api"]
    assert (line["request_id"], line["route"]) == ("request-1", "/raise/{name}")
    assert line["exception"].endswith("raise raised[name]\nbuiltins.RuntimeError")
    assert "secret" not in line["exception"]
