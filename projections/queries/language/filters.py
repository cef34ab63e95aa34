"""Advanced filters: groups are ORed, the items of a group ANDed. Everything that is not as it must be is refused."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from projections.queries.language.clock import Clock
from projections.queries.language.refusals import BadFilter
from projections.queries.language.sql import Args, all_of, any_of

MAX_ITEMS = 100


class Item(NamedTuple):
    """One filter. `place` says which, for refusals."""

    place: str
    operator: str
    value: Any
    clock: Clock

    def refused(self, why: str) -> BadFilter:
        return BadFilter(self.place, why)

    def unknown_operator(self) -> BadFilter:
        return self.refused(f"unknown operator {_said(self.operator)}")


Filter = Callable[[Item, Args], str]
Properties = Mapping[tuple[str, str], Filter]


def filtered(filters: Any, properties: Properties, args: Args, clock: Clock) -> list[str]:
    """No condition without filters. Raises BadFilter."""
    groups = [_list(group, f"group {n}") for n, group in enumerate(_groups(filters), 1)]
    if sum(map(len, groups)) > MAX_ITEMS:
        raise BadFilter(f"{MAX_ITEMS + 1}", f"no more than {MAX_ITEMS} filters")
    conditions = [
        all_of(_condition(raw, f"group {g}, filter {n}", properties, args, clock) for n, raw in enumerate(group, 1))
        for g, group in enumerate(groups, 1)
        if group
    ]
    return [any_of(conditions)] if conditions else []


def _groups(filters: Any) -> list[Any]:
    if isinstance(filters, str):
        if not filters.strip():
            return []
        try:
            filters = msgspec.json.decode(filters)
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            raise BadFilter("all", "not valid JSON") from error
    return [] if filters is None else _list(filters, "all")


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadFilter(place, "not a list")
    return value


def _condition(raw: Any, place: str, properties: Properties, args: Args, clock: Clock) -> str:
    match raw:
        case {"source": [str(provider), str(property_)], "operator": str(operator)}:
            known = properties.get((provider, property_))
        case _:
            raise BadFilter(place, "source [provider, property] and operator are needed")
    if known is None:
        raise BadFilter(place, f"unknown property {_said(f'{provider}/{property_}')}")
    return known(Item(f"{place} ({provider}/{property_})", operator, raw.get("value"), clock), args)


def _said(text: str) -> str:
    """What a client sent, fit to be repeated in a message."""
    return "".join(character if character.isprintable() else "?" for character in text[:50])
