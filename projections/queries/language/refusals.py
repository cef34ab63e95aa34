"""What a list refuses. All are QueryRefused; `field` is the parameter, `problem` ends the sentence "The … field"."""


class QueryRefused(Exception):
    def __init__(self, field: str, problem: str) -> None:
        super().__init__(field, problem)
        self.field = field
        self.problem = problem


class UnknownRelation(QueryRefused):
    """A name in `with` that is no relation."""

    def __init__(self, name: str) -> None:
        super().__init__("with", f"has an unknown relation: {name}.")
        self.name = name


class UnknownColumn(QueryRefused):
    """A name in `select` that is no column."""

    def __init__(self, name: str) -> None:
        super().__init__("select", f"has an unknown column: {name}.")
        self.name = name


class UnknownTimeZone(QueryRefused):
    def __init__(self, name: str) -> None:
        super().__init__("user_tz", "must be an IANA time zone, such as Europe/Rome.")
        self.name = name


class BeyondTheEnd(QueryRefused):
    """`position` is that of the log's last event."""

    def __init__(self, position: int) -> None:
        super().__init__("as_of", f"is beyond the log's end, which is at position {position}.")
        self.position = position


class BadCursor(QueryRefused):
    """Not a cursor of ours, or one of a list in another order."""

    def __init__(self) -> None:
        super().__init__("cursor", "is not a cursor of this list.")


class BadFilter(QueryRefused):
    """`item` says which: its place and, if known, its property."""

    def __init__(self, item: str, why: str) -> None:
        super().__init__("advanced_filters", f"has a filter that cannot be used: {item}: {why}.")
        self.item = item
        self.why = why


class TooExpensive(QueryRefused):
    """The database was still looking when its time was over."""

    def __init__(self, field: str) -> None:
        super().__init__(field, "asks for more than can be found in time. Ask for less.")
