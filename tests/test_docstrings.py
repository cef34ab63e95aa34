"""Docstrings are understood without the code below them."""

import ast
from collections.abc import Iterator

import pytest

from tests.test_imports import HOUSE, SHEDS, trees

FRAGMENTS = ("As", "By", "In", "Of")
DOCUMENTED = (ast.AsyncFunctionDef, ast.ClassDef, ast.FunctionDef, ast.Module)


def fragments(tree: ast.Module) -> Iterator[str]:
    """Docstrings that begin as if somebody had just named their subject."""
    for node in ast.walk(tree):
        words = (ast.get_docstring(node) or "").split() if isinstance(node, DOCUMENTED) else []
        if words and words[0] in FRAGMENTS:
            yield " ".join(words)


@pytest.mark.parametrize("room", [*HOUSE, *SHEDS])
def test_each_says_what_it_is_about(room: str) -> None:
    assert {path: found for path, tree in trees(room) if (found := [*fragments(tree)])} == {}


@pytest.mark.parametrize("text", ["Of its kind.", "By topic.", "In place.", "As JSON."])
def test_one_that_does_not_is_noticed(text: str) -> None:
    assert [*fragments(ast.parse(f'def work():\n    """{text}"""'))] == [text]
