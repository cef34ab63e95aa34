"""docs/guarantees.md names a test for each promise, and each of them is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "guarantees.md"
TEST = re.compile(r"`(tests/\S+\.py)::(\w+)`")
ROW = re.compile(r"^\| (?!promise \|).+ \|$", re.MULTILINE)


def is_there(path: str, name: str) -> bool:
    file = ROOT / path
    tree = ast.parse(file.read_text() if file.exists() else "")
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name for node in tree.body)


def test_every_promise_names_a_test() -> None:
    rows = ROW.findall(PAGE.read_text())
    assert len(rows) > 20
    assert [row for row in rows if not TEST.search(row)] == []


def test_every_test_that_is_named_is_there() -> None:
    named = TEST.findall(PAGE.read_text())
    assert [name for path, name in named if not is_there(path, name)] == []


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert not is_there("tests/test_guarantees.py", "test_of_nothing")
    assert not is_there("tests/test_nowhere.py", "test_of_nothing")
