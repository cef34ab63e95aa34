"""The lines of a CSV file, record by record: what a stray quote has swallowed can be read again."""

import csv
import re
from collections import deque
from collections.abc import Iterator

QUOTE = '"'
FIELD = r'(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*+)'
RECORD = re.compile(rf"{FIELD}(?:,{FIELD})*+[\r\n]*")


class Lines(Iterator[str]):
    """Feeds a csv.reader, which takes as many lines as a record has."""

    def __init__(self, text: Iterator[str]) -> None:
        self._text = text
        self._given_back: deque[str] = deque()
        self._record: list[str] = []
        self.number = 0  # of the last line that was read
        self.are_at_an_end = False

    def __next__(self) -> str:
        try:
            line = self._given_back.popleft() if self._given_back else next(self._text)
        except StopIteration:
            self.are_at_an_end = True
            raise
        self._record.append(line)
        self.number += 1
        return line

    def begin_record(self) -> int:
        """The number of its first line."""
        self._record, self.are_at_an_end = [], False
        return self.number + 1

    @property
    def are_ended(self) -> bool:
        """Whether the record's last line has an end, as the last one of a file that was cut off has none."""
        return self._record[-1].endswith(("\r", "\n"))

    @property
    def are_well_quoted(self) -> bool:
        """A quote is at the ends of a field or doubled within it, and nowhere else."""
        record = "".join(self._record)
        return QUOTE not in record or RECORD.fullmatch(record) is not None

    def hold_rows(self, fields: int) -> bool:
        """Whether a line after the record's first one would be a row by itself, with so many fields."""
        return any(_fields(line) == fields for line in self._record[1:])

    def give_back_what_may_be_rows(self, fields: int) -> None:
        """All lines after the record's first, if one of them would be a row by itself."""
        if self.hold_rows(fields):
            self._given_back.extendleft(reversed(self._record[1:]))
            self.number -= len(self._record) - 1


def _fields(line: str) -> int:
    try:
        return len(next(csv.reader([line], strict=True), ()))
    except csv.Error:
        return 0
