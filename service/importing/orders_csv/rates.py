"""Exchange rates to the store's currency, for orders whose rows give none."""

import csv
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path

from service.fields import convert
from service.fields.convert import Unfit
from service.importing.files import UNREADABLE, ImportFileError, opened

HEADER = ["date", "currency", "rate"]


class Rates:
    """Rates of each currency from a day on; before the first of them `always` holds, if there is one."""

    def __init__(self, always: Mapping[str, Decimal], dated: Iterable[tuple[date, str, Decimal]]) -> None:
        self._always = always
        self._dated: dict[str, list[tuple[date, Decimal]]] = {}
        for day, currency, rate in sorted(dated):
            self._dated.setdefault(currency, []).append((day, rate))

    def of(self, currency: str, at: datetime) -> Decimal | None:
        """The one of that day, or the last before it; None where none is known."""
        known = self._dated.get(currency, [])
        place = bisect_right(known, at.date(), key=itemgetter(0))
        return known[place - 1][1] if place else self._always.get(currency)


NO_RATES = Rates({}, ())


def read_rate(text: str) -> tuple[str, Decimal]:
    """From `EUR=1.08`. Raises Unfit."""
    currency, _, rate = text.partition("=")
    return convert.currency(currency), convert.rate(rate)


def rates_always(texts: Iterable[str]) -> dict[str, Decimal]:
    """From several such texts. Raises Unfit, also for two rates of a currency."""
    rates: dict[str, Decimal] = {}
    for currency, rate in map(read_rate, texts):
        if rates.setdefault(currency, rate) != rate:
            raise Unfit("duplicate", f"gives two rates for {currency}: --rates takes a file with a rate for each day.")
    return rates


def read_rates(path: Path) -> list[tuple[date, str, Decimal]]:
    """From a CSV file of date, currency and rate. Raises ImportFileError."""
    with opened(path) as source:
        reader = csv.reader(source.text, strict=True)
        try:
            if [name.strip() for name in next(reader, [])] != HEADER:
                raise ImportFileError(f"{path}: its columns must be {', '.join(HEADER)}")
            return list(_rows(path, reader))
        except UNREADABLE as error:
            raise ImportFileError(f"{path}, line {reader.line_num}: it can't be read as CSV: {error}") from error


def _rows(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[date, str, Decimal]]:
    known: dict[tuple[date, str], Decimal] = {}
    for number, values in enumerate(reader, 2):
        if not values:
            continue
        try:
            day, currency, rate = values
            read = convert.moment(day).date(), convert.currency(currency), convert.rate(rate)
        except (ValueError, Unfit) as error:
            problem = error.problem if isinstance(error, Unfit) else "must be a date, a currency and a rate."
            raise ImportFileError(f"{path}, line {number}: {','.join(values)} {problem}") from error
        if known.setdefault(read[:2], read[2]) != read[2]:
            raise ImportFileError(f"{path}, line {number}: {','.join(values)} is not the rate that a line above gives.")
        yield read
