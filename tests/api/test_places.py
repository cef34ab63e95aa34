from pathlib import Path

import msgspec
import pycountry
import pytest
from msgspec.structs import asdict

from api.presentation.customers import formatted
from service.fields import places, states
from service.fields.places import (
    address_problems,
    country_name,
    formatted_address,
    is_country,
    state_name,
)

SHOPS = Path(__file__).parents[1] / "data/shop_state_codes.json"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("US", "United States"),
        ("GB", "United Kingdom"),
        ("DE", "Germany"),
        ("XX", "XX"),
        ("ZZ", "ZZ"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_country_has_its_english_name_or_its_code(code: str | None, name: str) -> None:
    assert country_name(code) == name


def test_every_country_of_iso_3166_has_a_name_and_rules() -> None:
    codes = [first + second for first in map(chr, range(65, 91)) for second in map(chr, range(65, 91))]
    countries = [code for code in codes if is_country(code)]
    assert len(countries) == 249
    assert all(country_name(code) != code and places.address_rules(code) for code in countries)


@pytest.mark.parametrize("code", ["us", "USA", "UK", "EU", "XK", "", "ZZ", "U\0"])
def test_nothing_else_is_a_country(code: str) -> None:
    assert not is_country(code)


@pytest.mark.parametrize(
    ("country", "state", "name"),
    [
        ("US", "NY", "New York"),
        ("US", "MA", "Massachusetts"),
        ("CA", "ON", "Ontario"),
        ("DE", "DE-BE", "Berlin"),
        ("ES", "B", "Barcelona"),
        ("JP", "JP-13", "Tokyo"),
        ("IT", "RM", "Roma"),
        ("GB", "London", "London"),
        ("CN", "CN2", "Beijing / 北京"),
        ("CN", "CN11", "Jiangsu / 江苏"),
        ("CN", "CN-11", "Beijing Shi"),
        ("CN", "北京市", "Beijing Shi"),
        ("HK", "KOWLOON", "Kowloon"),
        ("IN", "OR", "Odisha"),
        ("IN", "IN-OD", "Odisha"),
        ("IN", "TS", "Telangana"),
        ("IN", "UT", "Uttarakhand"),
        ("IN", "UK", "Uttarakhand"),
        ("JP", "JP13", "Tokyo"),
        ("JP", "東京都", "Tokyo"),
        ("KZ", "KZ-ALA", "Almaty"),
        ("MX", "JA", "Jalisco"),
        ("MX", "MX-DIF", "Ciudad de México"),
        ("MX", "Nuevo Leon", "Nuevo León"),
        ("BR", "sao paulo", "São Paulo"),
        ("BR", "Sa\u0303o Paulo", "São Paulo"),
        ("PL", "PL-DS", "Dolnośląskie"),
        ("PL", "Lodzkie", "Łódzkie"),
        ("NO", "more og romsdal", "Møre og Romsdal"),
        ("TR", "TR34", "İstanbul"),
        ("TR", "Istanbul", "İstanbul"),
        ("TR", "ISTANBUL", "İstanbul"),
        ("TR", "\N{LATIN SMALL LETTER DOTLESS I}stanbul", "İstanbul"),
        ("US", "N.Y.", "New York"),
        ("US", "Middle Earth", "Middle Earth"),
        ("XX", "ZZ", "ZZ"),
        ("FR", "", ""),
        ("US", None, None),
        (None, "NY", "NY"),
    ],
)
def test_a_state_has_its_name_or_its_code(country: str | None, state: str | None, name: str | None) -> None:
    assert state_name(country, state) == name


@pytest.mark.parametrize(
    ("country", "state", "postcode"),
    [
        ("US", "NY", "10001"),
        ("US", "new york", "10001-1234"),
        ("GB", "", "SW1A 2AA"),
        ("GB", "London", "sw1a 2aa"),
        ("DE", "DE-BE", "10115"),
        ("ES", "B", "08001"),
        ("CN", "Beijing Shi", "100000"),
        ("KE", "", ""),
        ("HK", "Kowloon", ""),
        ("IE", "D", "A65 F4E2"),
        ("AE", "Dubai", "no postcodes there"),
        ("US", "XX", "10001"),
        ("MY", "Nowhere", "50000"),
        ("XX", "", ""),
        ("", "", ""),
    ],
)
def test_an_address_that_follows_the_rules_of_its_country_fits(country: str, state: str, postcode: str) -> None:
    assert address_problems(country=country, state=state, postcode=postcode) == []


@pytest.mark.parametrize(
    ("country", "state", "postcode", "problems"),
    [
        ("US", "", "", [("state", "required"), ("postcode", "required")]),
        ("US", "NY", "A" * 33, [("postcode", "invalid")]),
        ("US", "NY", "\N{FULLWIDTH DIGIT ONE}0001", [("postcode", "invalid")]),
        ("US", "NY", "10001\n", [("postcode", "invalid")]),
        ("GB", "", "12345", [("postcode", "invalid")]),
        ("DE", "", "", [("postcode", "required")]),
        ("CN", "", "100000", [("state", "required")]),
    ],
)
def test_what_the_country_does_not_allow_is_named(
    country: str, state: str, postcode: str, problems: list[tuple[str, str]]
) -> None:
    found = address_problems(country=country, state=state, postcode=postcode)
    assert [(field, rule) for field, rule, _ in found] == problems


def test_every_code_that_a_shop_sends_has_a_name() -> None:
    shops = msgspec.json.decode(SHOPS.read_bytes(), type=dict[str, dict[str, str]])
    assert sum(map(len, shops.values())) == 328
    unnamed = [
        (country, code) for country, codes in shops.items() for code in codes if state_name(country, code) == code
    ]
    assert unnamed == []


def test_every_former_code_leads_to_one_of_today() -> None:
    today = {subdivision.code for subdivision in pycountry.subdivisions}
    former = states.codes().former
    assert not today & former.keys()
    assert set(former.values()) <= today


def test_a_problem_ends_a_sentence_for_people() -> None:
    assert address_problems(country="DE", state="", postcode="x") == [
        ("postcode", "invalid", "must be a postcode of Germany, such as 26133.")
    ]


def test_a_customers_address_is_formatted_as_documented() -> None:
    place = {"country": "US", "state": "NY", "city": "New York", "postcode": "10001"}
    assert list(asdict(formatted({"first_name": "John", "last_name": "Doe"} | place)).items()) == [
        ("country", "United States"),
        ("state", "New York"),
        ("city", "New York"),
        ("postcode", "10001"),
        ("first_name", "John"),
        ("last_name", "Doe"),
        ("full_name", "John Doe"),
    ]


def test_a_customer_without_an_address_has_a_name_all_the_same() -> None:
    place = dict.fromkeys(("country", "state", "city", "postcode"))
    assert asdict(formatted({"first_name": "Zed", "last_name": ""} | place)) == {
        "country": "",
        "state": None,
        "city": None,
        "postcode": None,
        "first_name": "Zed",
        "last_name": "",
        "full_name": "Zed",
    }


HOME = {
    "type": "billing",
    "label": "Home",
    "name": "John Doe",
    "company_name": "Acme Inc",
    "address_1": "123 Main Street",
    "address_2": "Apt 4B",
    "city": "New York",
    "state": "NY",
    "postcode": "10001",
    "country": "US",
    "phone": "+1-555-0100",
}


def test_an_address_is_formatted_as_documented() -> None:
    assert list(formatted_address(HOME).items()) == [
        ("country", "United States"),
        ("state", "New York"),
        ("city", "New York"),
        ("postcode", "10001"),
        ("address_1", "123 Main Street"),
        ("address_2", "Apt 4B"),
        ("type", "billing"),
        ("name", "John Doe"),
        ("company_name", "Acme Inc"),
        ("label", "Home"),
        ("phone", "+1-555-0100"),
        ("full_address", "Acme Inc, 123 Main Street, Apt 4B, New York, New York, United States"),
    ]


def test_what_an_address_lacks_leaves_no_gap() -> None:
    downing_street = HOME | {
        "company_name": "",
        "address_1": "10 Downing St",
        "address_2": None,
        "city": "London",
        "state": "",
        "country": "GB",
    }
    assert formatted_address(downing_street)["full_address"] == "10 Downing St, London, United Kingdom"
