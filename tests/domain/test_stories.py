"""Every event happens in some story of this folder, every command is given in one, and every refusal refuses one."""

import ast
import importlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from domain.customer import CustomerCommand
from domain.event import Command, Event, Forgotten, tag
from domain.events import EVENTS
from domain.label import LabelCommand
from domain.order import OrderCommand
from domain.refusals import Refusal
from domain.user import UserCommand
from domain.webhook import WebhookCommand

COMMANDS: tuple[type[Command], ...] = get_args(
    CustomerCommand | OrderCommand | UserCommand | LabelCommand | WebhookCommand
)
REFUSED_ELSEWHERE = {"ClaimTaken"}  # by the log
REFUSALS = [kind for kind in Refusal.__subclasses__() if kind.__module__ == "domain.refusals"]


def of_the_domain(base: type[Any]) -> set[str]:
    return {kind.__name__ for kind in base.__subclasses__() if kind.__module__.startswith("domain.")}


def test_every_event_and_command_is_in_the_union_of_its_aggregate() -> None:
    assert of_the_domain(Event) - {Forgotten.__name__} == {event.__name__ for event in EVENTS}
    assert of_the_domain(Command) == {command.__name__ for command in COMMANDS}


@cache
def named(step: str) -> frozenset[object]:
    """The kinds of all that stories name in a step: `when`, `then` or `refused`, or pytest `raises`."""
    return frozenset(kind for path in Path(__file__).parent.glob("test_*.py") for kind in named_in(path, step))


def named_in(path: Path, step: str) -> Iterator[object]:
    known = vars(importlib.import_module(f"tests.domain.{path.stem}"))
    for story in ast.parse(path.read_text()).body:
        if isinstance(story, ast.FunctionDef):
            for name in names_of_step(story, step):
                thing = known.get(name)
                yield thing if isinstance(thing, type) else type(thing)


def names_of_step(story: ast.FunctionDef, step: str) -> set[str]:
    """Also those that its local names, and what it is parametrised with, stand for."""
    found: set[str] = set()
    for node in ast.walk(story):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == step:
            found |= names(node.args)
    if found & {argument.arg for argument in story.args.args}:
        found |= names(story.decorator_list)
    for node in story.body:
        if isinstance(node, ast.Assign) and names(node.targets) & found:
            found |= names([node.value])
    return found


def names(nodes: Iterable[ast.AST]) -> set[str]:
    return {node.id for each in nodes for node in ast.walk(each) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("event", EVENTS, ids=tag)
def test_every_event_happens_in_a_story(event: type[Event]) -> None:
    assert event in named("then"), f"tests/domain/ has no story in which {tag(event)} happens"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_every_command_is_given_in_a_story(command: type[Command]) -> None:
    assert command in named("when"), f"tests/domain/ has no story about {command.__name__}"


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.__name__)
def test_every_refusal_ends_a_story(refusal: type[Refusal]) -> None:
    is_told = refusal in named("refused") | named("raises")
    assert is_told != (refusal.__name__ in REFUSED_ELSEWHERE), (
        f"tests/domain/ has no story that {refusal.__name__} ends"
    )
