"""Money for people: amounts in a currency's smallest unit, with its own decimals by CLDR."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from babel.numbers import format_currency, get_currency_precision

PATTERN = "#,##0.00 ¤¤"  # CLDR's decimals stand in for those of the pattern: 1,500 JPY, 25.13 USD, 1.500 KWD


def money(amount: int | Decimal, currency: str) -> str:
    """`amount` is in the currency's smallest unit, cents for most. Rounded half up, as the figures are."""
    value, _decimals = _units(amount, currency)
    return format_currency(value, currency, PATTERN, locale="en")


def units(amount: int, currency: str) -> str:
    """An amount as people write it in a field: 25.13."""
    value, decimals = _units(amount, currency)
    return f"{value:.{decimals}f}"


def smallest_units(text: str, currency: str) -> int | None:
    """What people wrote in units of the currency, in its smallest ones; None where that is no such number."""
    try:
        amount = Decimal(text.strip()).scaleb(get_currency_precision(currency))
    except InvalidOperation:
        return None
    return int(amount) if amount.is_finite() and amount == amount.to_integral_value() else None


def _units(amount: int | Decimal, currency: str) -> tuple[Decimal, int]:
    decimals = get_currency_precision(currency)
    return Decimal(amount).quantize(Decimal(1), ROUND_HALF_UP).scaleb(-decimals), decimals


def figure(name: str, value: Any, store_currency: str) -> str:
    """A customer's figure: lifetime value and average in the store's currency, nets each in its own, the rest as is."""
    if value is not None and name in ("ltv", "aov"):
        return money(Decimal(str(value)), store_currency)
    if isinstance(value, dict):
        return ", ".join(money(amount, currency) for currency, amount in value.items()) or "none"
    return str(value)
