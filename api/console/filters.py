"""How templates write values. Times are in UTC; the script makes them local."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from babel.numbers import get_currency_precision, get_currency_symbol

__all__ = ["clock", "day", "day_and_clock", "iso", "moment", "money", "month", "number", "year"]

MINUS = "\N{MINUS SIGN}"
LOCALE = "en_US"


def money(amount: float | Decimal, currency: str, sign: str = "") -> str:
    """`amount` is in the currency's smallest unit. With `sign="+"`, a gain has a plus."""
    symbol, decimals = _currency(currency)
    exact = amount if isinstance(amount, int) else int(Decimal(amount).quantize(Decimal(1), ROUND_HALF_UP))
    whole, part = divmod(abs(exact), 10**decimals)
    before = MINUS if exact < 0 else sign if exact > 0 else ""
    return f"{before}{symbol}{whole:,}{f'.{part:0{decimals}}' if decimals else ''}"


def number(count: int) -> str:
    return f"{count:,}".replace("-", MINUS)


def day(at: date) -> str:
    return f"{at.day} {at:%b %Y}"


def month(at: date) -> str:
    return f"{at:%b %Y}"


def year(at: date) -> str:
    return f"{at:%Y}"


def clock(at: datetime) -> str:
    return f"{at:%H:%M}"


def day_and_clock(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M}"


def iso(at: datetime) -> str:
    """A time without a zone is in UTC."""
    return f"{at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at:%Y-%m-%dT%H:%M:%S}Z"


def moment(text: str) -> datetime:
    """A time as REST writes it."""
    return datetime.fromisoformat(text)


@cache
def _currency(code: str) -> tuple[str, int]:
    """What stands before an amount, and its decimals."""
    symbol = get_currency_symbol(code, locale=LOCALE)
    return f"{symbol}\N{NO-BREAK SPACE}" if symbol.isalpha() else symbol, get_currency_precision(code)
