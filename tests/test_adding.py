"""The files that docs/adding.md names are there, and what is made in one of them is listed where it must be."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from api import rest
from api.app import create_app
from projections import models
from projections.models import PROJECTIONS
from projections.tables.projection import Projection
from tests.api.shop import SETTINGS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "adding.md").read_text()
PATH = re.compile(r"`((?:domain|eventstore|projections|service|api|tests|docs)/[\w/.]*)(?:::(\w+))?`")


def modules_of(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def handlers() -> Iterator[HTTPRouteHandler]:
    for module in modules_of(rest):
        yield from (thing for thing in vars(module).values() if isinstance(thing, HTTPRouteHandler))


@pytest.fixture(scope="module", name="served")
def functions_that_are_served() -> set[object]:
    routes = create_app(SETTINGS, "postgresql://").routes
    return {handler.fn for route in routes if isinstance(route, HTTPRoute) for handler in route.route_handlers}


def test_every_operation_is_served(served: set[object]) -> None:
    forgotten = [f"{handler.fn.__module__}.{handler.fn.__name__}" for handler in handlers() if handler.fn not in served]
    assert forgotten == [], "put it into its module's HANDLERS, and the module into RESOURCES of api/app.py"


def test_every_read_model_is_listed() -> None:
    things = (thing for module in modules_of(models) for thing in vars(module).values())
    made = {thing.name for thing in things if isinstance(thing, Projection)}
    assert made == {projection.name for projection in PROJECTIONS}, "add it to PROJECTIONS of projections/models"


def defined_in(path: Path) -> set[str]:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, functions)}


@pytest.mark.parametrize(("path", "test"), sorted(set(PATH.findall(PAGE))))
def test_every_file_and_test_that_the_page_names_is_there(path: str, test: str) -> None:
    assert (ROOT / path).exists()
    assert not test or test in defined_in(ROOT / path)
