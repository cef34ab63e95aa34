"""Every refusal of the domain has its answer: without a row in the table it would be an error of ours, a 500."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.handling.refusal_table import REFUSALS, TAKEN
from domain import refusals
from domain.refusals import Refusal
from service.addresses import AddressUnfit
from service.importing import writing
from tests.test_adding import handlers

# New ids are ours, a transaction's refusal is answered with both of its sides, and fields that do not fit go together.
OF_NO_OPERATION = (
    refusals.AddressExists, refusals.CustomerExists, refusals.LabelExists, refusals.TransactionExists, AddressUnfit,
    refusals.WebhookExists,
)  # fmt: skip


def kinds(cls: type[Refusal]) -> Iterator[type[Refusal]]:
    for kind in cls.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("refusal", list(kinds(Refusal)), ids=lambda refusal: refusal.__name__)
def test_every_refusal_has_a_row_in_the_table(refusal: type[Refusal]) -> None:
    assert refusal in REFUSALS, f"api/handling/refusal_table.py has no row for {refusal.__name__}"


@pytest.mark.parametrize("refusal", list(kinds(Refusal)), ids=lambda refusal: refusal.__name__)
def test_every_refusal_is_one_of_some_operation(refusal: type[Refusal]) -> None:
    declared = [each for handler in handlers() for each in handler.opt["operation"].refuses]
    is_declared = refusal in {each if isinstance(each, type) else type(each) for each in declared}
    assert is_declared != (refusal in OF_NO_OPERATION), f"refuses= of no operation in api/rest has {refusal.__name__}"


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
