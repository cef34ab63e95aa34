"""Where an export's own figures differ from those that its orders give."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from msgspec import json

from domain.order import OrderPlaced
from domain.terms import Terms
from domain.value import CENT, OrderValue, figures
from projections.tables.projection import utc
from service.fields import convert
from service.fields.convert import Unfit
from service.importing.facts import Entry
from service.importing.fluentcart.export import Export, by
from service.importing.report import FigureDifference
from service.values import shown


def differing_figures(export: Export, orders: Iterable[Entry]) -> Iterator[FigureDifference]:
    """A figure that a row does not have is not compared."""
    placed = (entry.facts[0].event for entry in orders)
    values = by((each.terms.customer_id, _value(each.terms)) for each in placed if isinstance(each, OrderPlaced))
    for _called, row in export.rows("customers"):
        id_ = int(row["id"]) if str(row.get("id")).isdecimal() else 0
        own = figures(values.get(id_, ()))
        for name, read in READERS.items():
            computed = getattr(own, name)
            if name in row and _read(read, row[name]) != computed:
                yield FigureDifference(id_, name, row[name], _written(computed))


def _value(terms: Terms) -> OrderValue:
    return OrderValue(
        terms.payment_status, terms.total_paid, terms.total_refund, terms.applied_rate, terms.currency, terms.created_at
    )


def _written(figure: Any) -> Any:
    """A figure as exports write it."""
    return shown(utc(figure) if isinstance(figure, datetime) else figure)


def _read(read: Callable[[Any], Any], raw: Any) -> Any:
    """What can't be read differs from everything."""
    try:
        return read(raw)
    except (ValueError, ArithmeticError, TypeError, Unfit):
        return NotImplemented


def _document(raw: Any) -> Any:
    return (json.decode(raw) if isinstance(raw, str) and raw else raw) or {}


READERS: dict[str, Callable[[Any], Any]] = {
    "ltv": lambda raw: Decimal(str(raw or 0)),
    "purchase_count": lambda raw: Decimal(str(raw or 0)),
    "aov": lambda raw: Decimal(str(raw or 0)).quantize(CENT, ROUND_HALF_UP),
    "first_purchase_date": lambda raw: raw and convert.moment(raw),
    "last_purchase_date": lambda raw: raw and convert.moment(raw),
    "purchase_value": _document,
}
