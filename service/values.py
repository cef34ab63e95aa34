"""Values of rows as they are written in JSON."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec


def shown(value: Any) -> Any:
    """A column's value: times as text, whole decimals without a fraction, stored JSON as it is."""
    convert = _SHOWN_AS.get(type(value))
    return value if convert is None else convert(value)


def _decimal(value: Decimal) -> int | Decimal:
    return int(value) if value == value.to_integral_value() else value.normalize()


_SHOWN_AS: Mapping[type, Callable[[Any], Any]] = {datetime: str, Decimal: _decimal, bytes: msgspec.Raw}
CONVERTED = frozenset(_SHOWN_AS)
