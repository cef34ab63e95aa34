"""Texts that do not show by accident: not in a log, a message, a repr or an answer. Whoever needs one says `reveal`."""


class Redacted:
    """Shows its kind, and cannot be written as JSON."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()}>"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._text == getattr(other, "_text", None)

    def __hash__(self) -> int:
        return hash(self._text)


class Secret(Redacted):
    """A password, or what holds one."""


class Personal(Redacted):
    """What tells who somebody is."""
