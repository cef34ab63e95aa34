"""Values of rows as they are written in JSON."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

import msgspec

BeforeAndAfter: TypeAlias = Annotated[
    Sequence[Any], msgspec.Meta(min_length=2, max_length=2, extra_json_schema={"items": {}})
]


def shown(value: Any) -> Any:
    """A column's value: times as text, whole decimals without a fraction, stored JSON as it is."""
    convert = _SHOWN_AS.get(type(value))
    return value if convert is None else convert(value)


def shown_pairs(changes: Mapping[str, BeforeAndAfter]) -> dict[str, BeforeAndAfter]:
    """Values before and after, by field."""
    # Most values are texts and integers, which need no look of their own.
    return {
        name: pair if CONVERTED.isdisjoint(map(type, pair)) else (*map(shown, pair),) for name, pair in changes.items()
    }


def _decimal(value: Decimal) -> int | Decimal:
    return int(value) if value == value.to_integral_value() else value.normalize()


_SHOWN_AS: Mapping[type, Callable[[Any], Any]] = {datetime: str, Decimal: _decimal, bytes: msgspec.Raw}
CONVERTED = frozenset(_SHOWN_AS)
