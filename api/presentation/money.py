"""Money for people: amounts in a currency's smallest unit, with its own decimals by CLDR."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel.numbers import format_currency, get_currency_precision

PATTERN = "#,##0.00 ¤¤"  # CLDR's decimals stand in for those of the pattern: 1,500 JPY, 25.13 USD, 1.500 KWD


def money(amount: int | Decimal, currency: str) -> str:
    """`amount` is in the currency's smallest unit, cents for most. Rounded half up, as the figures are."""
    decimals = get_currency_precision(currency)
    value = Decimal(amount).quantize(Decimal(1), ROUND_HALF_UP).scaleb(-decimals)
    return format_currency(value, currency, PATTERN, locale="en")


def figure(name: str, value: Any, store_currency: str) -> str:
    """A customer's figure: lifetime value and average in the store's currency, nets each in its own, the rest as is."""
    if value is not None and name in ("ltv", "aov"):
        return money(Decimal(str(value)), store_currency)
    if isinstance(value, dict):
        return ", ".join(money(amount, currency) for currency, amount in value.items()) or "none"
    return str(value)
