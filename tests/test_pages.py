"""Pages lead to what is there: their links, and the files of ours that they name."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_imports import HOUSE, ROOT, SHEDS

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
NAMED = re.compile(rf"`((?:{'|'.join([*HOUSE, *SHEDS, 'docs'])})/[\w./-]+)`")


def missing(text: str, beside: Path) -> Iterator[str]:
    """Links that lead nowhere, and names of files and folders that are not there."""
    yield from (link for link in LINK.findall(text) if not (beside / link).exists())
    yield from (name for name in NAMED.findall(text) if not (ROOT / name).exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_leads_to_what_is_there(page: Path) -> None:
    assert [*missing(page.read_text(), page.parent)] == []


def test_what_is_not_there_is_noticed() -> None:
    text = "See [a page](nowhere.md), [a site](https://example.com) and `eventstore/nowhere.py`."
    assert [*missing(text, ROOT)] == ["nowhere.md", "eventstore/nowhere.py"]
