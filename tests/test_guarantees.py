"""docs/guarantees.md names a test for each promise, docs/security.md one for each risk, and each of them is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("guarantees.md", "security.md")
TEST = re.compile(r"`(tests/\S+\.py)::(\w+)`")
ROW = re.compile(r"^\| (?!promise \||risk \||requirement \|).*\|$", re.MULTILINE)
RISKS = re.compile(r"^\| (API\d+) ", re.MULTILINE)


@cache
def named_in(path: str) -> frozenset[str]:
    file = ROOT / path
    tree = ast.parse(file.read_text() if file.exists() else "")
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def is_there(path: str, name: str) -> bool:
    return name in named_in(path)


def text_of(page: str) -> str:
    return (ROOT / "docs" / page).read_text()


@pytest.mark.parametrize("page", PAGES)
def test_every_promise_names_a_test(page: str) -> None:
    rows = ROW.findall(text_of(page))
    assert len(rows) > 20
    assert [row for row in rows if not TEST.search(row)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_is_there(page: str) -> None:
    named = TEST.findall(text_of(page))
    assert [name for path, name in named if not is_there(path, name)] == []


def test_each_of_the_ten_risks_is_looked_at() -> None:
    assert RISKS.findall(text_of("security.md")) == [f"API{number}" for number in range(1, 11)]


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert not is_there("tests/test_guarantees.py", "test_of_nothing")
    assert not is_there("tests/test_nowhere.py", "test_of_nothing")
