"""What people do is in service/; a handler reads, calls and answers; read models are asked in projections/ alone."""

import ast
import re
from collections.abc import Iterator

import pytest

from projections.models import PROJECTIONS
from tests.test_imports import trees

ROUTES = {"get", "post", "put", "patch", "delete"}
MOST_LINES = 12
DONE_IN = "projections.checks.", "projections.replay."
READ_MODELS = "|".join(projection.name for projection in PROJECTIONS)
# In capitals, as SQL is written here: prose may speak of customers from Rome.
ASKED = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+(?:ONLY\s+)?(?:{READ_MODELS})\b")


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text in a module, those in f-strings included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def questions(room: str) -> dict[str, list[str]]:
    """The statements that ask read models, by module."""
    found = {path: [text for text in texts(tree) if ASKED.search(text)] for path, tree in trees(room)}
    return {path: statements for path, statements in found.items() if statements}


def handlers() -> Iterator[ast.AsyncFunctionDef]:
    for _path, tree in trees("api"):
        for node in ast.walk(tree):
            if isinstance(node, ast.AsyncFunctionDef) and any(map(is_route, node.decorator_list)):
                yield node


def is_route(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id in ROUTES


def lines(function: ast.AsyncFunctionDef) -> int:
    """The lines of its body, without the docstring, which OpenAPI shows."""
    first = function.body[1 if ast.get_docstring(function) else 0]
    return (function.end_lineno or 0) - first.lineno + 1


def doers(tree: ast.Module) -> set[str]:
    """Functions and modules that it takes from where replays and checks are done; types are capitalised."""
    froms = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module)
    names = {f"{node.module}.{alias.name}" for node in froms for alias in node.names if alias.name[0].islower()}
    return {name for name in names if name.startswith(DONE_IN)} - {"projections.checks.findings.known"}


@pytest.mark.parametrize("room", ["api", "service"])
def test_no_sql_over_read_models_but_in_projections(room: str) -> None:
    assert questions(room) == {}
    assert "projections/queries/lookups.py" in questions("projections")


def test_a_handler_reads_calls_and_answers() -> None:
    known = {function.name: lines(function) for function in handlers()}
    assert len(known) > 50
    assert {name: length for name, length in known.items() if length > MOST_LINES} == {}


def test_rest_and_the_command_line_replay_and_check_through_the_service() -> None:
    assert {path: names for path, tree in trees("api") if (names := doers(tree))} == {}
    known = dict(trees("service"))
    assert "projections.replay.engine" in doers(known["service/replays.py"])
    assert "projections.checks.jobs" in doers(known["service/verifications.py"])
