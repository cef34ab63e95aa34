"""Each field of a customer, and each detail of an address, is taken, shown, changed, listed and imported."""

from pathlib import Path
from typing import Any, TypeAlias

import pytest
from msgspec import json

from domain.address import AddressDetails
from domain.customer import CustomerProfile, CustomerRegistered
from projections.queries.customers import COLUMNS
from service.importing.files import opened
from service.importing.fluentcart.export import Export
from service.importing.fluentcart.export_people import customers
from service.importing.report import Report
from tests.api.shop import Method, Shop, done, new_email

Values: TypeAlias = dict[str, tuple[str, str]]

# Two values of each, neither of them the default.
CUSTOMER: Values = {
    "email": (new_email(), new_email()),
    "first_name": ("Ann", "Anna"),
    "last_name": ("Roe", "Poe"),
    "status": ("inactive", "archived"),
    "notes": ("Ring twice", "Never ring"),
    "country": ("US", "DE"),
    "state": ("NY", "BE"),
    "city": ("New York", "Berlin"),
    "postcode": ("10001", "10115"),
}
UNLISTED = {"notes"}  # too long to sort by
ADDRESS: Values = {
    "name": ("Ann Roe", "Anna Poe"),
    "email": ("ann@shop.example", "anna@shop.example"),
    "address_1": ("1 Elm Street", "2 Oak Street"),
    "address_2": ("Left", "Right"),
    "city": ("New York", "Albany"),
    "state": ("NY", "CA"),
    "postcode": ("10001", "94105"),
    "country": ("US", "US"),
    "phone": ("1 212 555", "1 415 555"),
    "label": ("Home", "Work"),
    "status": ("active", "active"),
}
IMPORTED_ONLY = {"company_name"}
NAMES = CustomerProfile.__struct_fields__


def test_of_each_field_there_are_two_values_here() -> None:
    assert CUSTOMER.keys() == set(NAMES), "a field that is new gets two values here"
    assert ADDRESS.keys() | IMPORTED_ONLY == set(AddressDetails.__struct_fields__)


def first(values: Values) -> dict[str, Any]:
    return {name: one for name, (one, _other) in values.items()}


def other(values: Values) -> dict[str, Any]:
    return {name: other for name, (_one, other) in values.items()}


def among(values: dict[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown of them."""
    return {name: shown.get(name) for name in values}


async def test_each_field_of_a_customer_is_taken_and_shown(shop: Shop) -> None:
    created = done(await shop.post("/customers", first(CUSTOMER)))["data"]
    assert among(first(CUSTOMER), created) == first(CUSTOMER)
    assert among(first(CUSTOMER), await shop.shown(created["id"])) == first(CUSTOMER)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_each_field_of_a_customer_is_changed(shop: Shop, method: Method) -> None:
    id_ = await shop.customer()
    changed = other(CUSTOMER) | {"email": new_email()}
    done(await shop.ask(method, f"/customers/{id_}", changed))
    assert among(changed, await shop.shown(id_)) == changed


@pytest.mark.parametrize("name", sorted({*NAMES} - UNLISTED))
def test_each_field_of_a_customer_can_be_sorted_and_searched_by(name: str) -> None:
    assert name in COLUMNS


def test_each_field_of_a_customer_is_imported(tmp_path: Path) -> None:
    file, report = tmp_path / "export.json", Report()
    file.write_bytes(json.encode({"customers": [{"id": 7, **first(CUSTOMER)}]}))
    with opened(file) as source:
        [entry] = customers(Export(source, report), set())
    event = entry.facts[0].event
    assert isinstance(event, CustomerRegistered)
    assert among(first(CUSTOMER), {name: getattr(event.profile, name) for name in NAMES}) == first(CUSTOMER)


async def test_each_detail_of_an_address_is_taken_changed_and_shown(shop: Shop) -> None:
    id_ = await shop.customer()
    path = f"/customers/{id_}/address"
    done(await shop.post(path, first(ADDRESS) | {"type": "billing"}))
    [shown] = done(await shop.get(path))["addresses"]
    assert among(first(ADDRESS), shown) == first(ADDRESS)
    done(await shop.put(path, other(ADDRESS) | {"id": shown["id"], "type": "billing"}))
    [changed] = done(await shop.get(path))["addresses"]
    assert among(other(ADDRESS), changed) == other(ADDRESS)
