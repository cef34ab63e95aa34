"""Every refusal of the domain has its answer: without a row in the table it would be an error of ours, a 500."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.handling.refusal_table import REFUSALS, TAKEN
from domain import refusals
from domain.refusals import Refusal
from service.importing import writing


def kinds(cls: type[Refusal]) -> Iterator[type[Refusal]]:
    for kind in cls.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("refusal", list(kinds(Refusal)), ids=lambda refusal: refusal.__name__)
def test_every_refusal_has_a_row_in_the_table(refusal: type[Refusal]) -> None:
    assert refusal in REFUSALS, f"api/handling/refusal_table.py has no row for {refusal.__name__}"


def claims() -> Iterator[str]:
    """The first argument of each Claim that the domain makes."""
    for path in Path(refusals.__file__).parent.glob("*.py"):
        names = vars(importlib.import_module(f"domain.{path.stem}"))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Claim":
                kind = node.args[0]
                yield names[kind.id] if isinstance(kind, ast.Name) else ast.literal_eval(kind)


def test_every_claim_has_a_sentence_for_who_comes_second() -> None:
    assert set(claims()) == TAKEN.keys() == writing.TAKEN.keys()
