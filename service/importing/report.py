"""What an import did, or would do."""

from collections import Counter
from typing import Any

import msgspec


class Remark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to say about one row; `line` where the file has lines."""

    row: str
    message: str
    line: int | None = None


class FigureDifference(msgspec.Struct, frozen=True):
    """A customer's figure as the export has it, and as the orders in the export give it."""

    customer_id: int
    figure: str
    exported: Any
    from_orders: Any


class Report(msgspec.Struct):
    """Counts by kind of row: customers, orders, … `bad` rows stayed out; `differences` are rows that were here already,
    but say something else, and changed nothing. `without_rate` counts orders by currency.
    """

    created: Counter[str] = msgspec.field(default_factory=Counter)
    already_imported: Counter[str] = msgspec.field(default_factory=Counter)
    bad: list[Remark] = []
    differences: list[Remark] = []
    notes: list[Remark] = []
    figures: list[FigureDifference] = []
    without_rate: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def is_complete(self) -> bool:
        """Every row is in the store as it is in the file."""
        return not self.bad and not self.differences

    def add(self, other: "Report") -> None:
        self.created.update(other.created)
        self.already_imported.update(other.already_imported)
        self.bad += other.bad
        self.differences += other.differences
        self.notes += other.notes
        self.figures += other.figures
        self.without_rate.update(other.without_rate)

    def tell_rates(self, store_currency: str) -> None:
        """Keep the counts of other currencies than the store's, and note each."""
        self.without_rate = Counter({c: n for c, n in self.without_rate.items() if n and c != store_currency})
        for currency, count in sorted(self.without_rate.items()):
            one, many = f"One order in {currency} comes", f"{count} orders in {currency} come"
            given = f"rate 1 is taken; `--rate {currency}=…` gives one."
            self.notes.append(Remark("", f"{one if count == 1 else many} without a rate to {store_currency}: {given}"))
