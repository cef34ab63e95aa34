"""Money for people: amounts in a currency's smallest unit, with its own decimals by CLDR."""

from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from babel.numbers import format_currency, get_currency_precision, get_currency_symbol

PATTERN = "#,##0.00 ¤¤"  # CLDR's decimals stand in for those of the pattern: 1,500 JPY, 25.13 USD, 1.500 KWD
MINUS = "\N{MINUS SIGN}"


def money(amount: int | Decimal, currency: str) -> str:
    """`amount` is in the currency's smallest unit, cents for most. Rounded half up, as the figures are."""
    value, _decimals = _units(amount, currency)
    return format_currency(value, currency, PATTERN, locale="en")


def short_money(amount: int | Decimal, currency: str, *, signed: bool = False) -> str:
    """The same with a symbol, for columns: $25.13, or +$25.13 where it is `signed`; below 0 with a true minus."""
    value, decimals = _units(amount, currency)
    sign = MINUS if value < 0 else "+" if signed and value else ""
    return f"{sign}{_symbol(currency)}{abs(value):,.{decimals}f}"


def _units(amount: int | Decimal, currency: str) -> tuple[Decimal, int]:
    decimals = _decimals(currency)
    return Decimal(amount).quantize(Decimal(1), ROUND_HALF_UP).scaleb(-decimals), decimals


@cache
def _decimals(currency: str) -> int:
    return get_currency_precision(currency)


@cache
def _symbol(currency: str) -> str:
    """CLDR's, or the code, set apart from the number."""
    symbol = get_currency_symbol(currency, locale="en")
    return f"{symbol}\N{NO-BREAK SPACE}" if symbol[-1:].isalpha() else symbol


def figure(name: str, value: Any, store_currency: str) -> str:
    """A customer's figure: lifetime value and average in the store's currency, nets each in its own, the rest as is."""
    if value is not None and name in ("ltv", "aov"):
        return money(Decimal(str(value)), store_currency)
    if isinstance(value, dict):
        return ", ".join(money(amount, currency) for currency, amount in value.items()) or "none"
    return str(value)
