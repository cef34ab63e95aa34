"""What a page says, read from its HTML as somebody reads it."""

import re
from html import unescape

_HIDDEN = re.compile(r"<(svg|script|style|noscript|dialog)\b.*?</\1>|<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def text_of(html: str) -> str:
    """The main part's text, in one line."""
    return _line(html[html.index("<main") : html.index("</main>")])


def rows_of(html: str) -> list[list[str]]:
    """The cells of the first table's body, each in one line. Cells and rows may lack their closing tags."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.split(r"<tr\b[^>]*>", body)[1:]
    return [[_line(cell) for cell in re.split(r"<td\b[^>]*>", row)[1:]] for row in rows]


def _line(html: str) -> str:
    return " ".join(unescape(_TAG.sub(" ", _HIDDEN.sub(" ", html))).split())
