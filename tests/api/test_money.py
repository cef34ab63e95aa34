from decimal import Decimal
from typing import Any

import pytest

from api.presentation.money import figure, money, smallest_units, units


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (123_456, "USD", "1,234.56 USD"),
        (-5, "EUR", "-0.05 EUR"),
        (1_500, "JPY", "1,500 JPY"),
        (1_500, "KRW", "1,500 KRW"),
        (1_500, "KWD", "1.500 KWD"),
        (1_234_567, "BHD", "1,234.567 BHD"),
        (100, "XYZ", "1.00 XYZ"),
        (Decimal("2512.5"), "USD", "25.13 USD"),
        (Decimal("750.5"), "JPY", "751 JPY"),
        (2**53 - 1, "JPY", "9,007,199,254,740,991 JPY"),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount: int | Decimal, currency: str, written: str) -> None:
    assert money(amount, currency) == written


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("ltv", 1_000, "1,000 JPY"),
        ("aov", 750.5, "751 JPY"),
        ("purchase_count", 3, "3"),
        ("purchase_value", {"USD": 1_000, "KWD": 5}, "10.00 USD, 0.005 KWD"),
        ("purchase_value", {}, "none"),
        ("first_purchase_date", None, "None"),
    ],
)
def test_a_figure_is_money_where_it_is_money(name: str, value: Any, written: str) -> None:
    assert figure(name, value, "JPY") == written


@pytest.mark.parametrize(
    ("text", "currency", "cents"),
    [
        ("25.13", "USD", 2_513),
        (" 25 ", "USD", 2_500),
        ("1500", "JPY", 1_500),
        ("0.005", "KWD", 5),
        ("-3", "USD", -300),
        ("25.135", "USD", None),
        ("much", "USD", None),
        ("NaN", "USD", None),
        ("", "USD", None),
    ],
)
def test_what_people_write_is_read_in_the_smallest_unit(text: str, currency: str, cents: int | None) -> None:
    assert smallest_units(text, currency) == cents
    assert cents is None or smallest_units(units(cents, currency), currency) == cents
