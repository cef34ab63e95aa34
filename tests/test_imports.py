"""Imports point inwards, domain ← eventstore ← projections ← service ← api, and the domain is pure."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOUSE = ("domain", "eventstore", "projections", "service", "api")
SHEDS = ("tests", "benchmarks", "proof")
MOST_MODULES = 12
WEB = {"granian", "litestar"}
HEAVY = {"asyncpg", "email_validator", "litestar", "msgspec", "pycountry"}

# What reads a clock, draws a number, or does anything but compute.
IMPURE_MODULES = {
    "asyncio",
    "io",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
    "uuid",
}
IMPURE_NAMES = {"input", "now", "open", "print", "random", "today", "urandom", "utcnow", "uuid1", "uuid4"}
ASYNC = (ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await)


def trees(room: str) -> Iterator[tuple[str, ast.Module]]:
    """The path of each module in a room, and what it says."""
    for path in sorted((ROOT / room).rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    """Top-level names of the packages that it imports."""
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    return {module.partition(".")[0] for module in modules}


def impurities(tree: ast.Module) -> set[str]:
    nodes = list(ast.walk(tree))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {node.id for node in nodes if isinstance(node, ast.Name)}
    waits = {"async"} if any(isinstance(node, ASYNC) for node in nodes) else set()
    return imported(tree) & IMPURE_MODULES | names & IMPURE_NAMES | waits


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the house by its dotted name; a package by its own."""
    paths = (found for room in HOUSE for found in trees(room))
    return {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): tree for path, tree in paths}


def folder(module: str) -> str:
    """Where it lies; a package is what lies in its own folder."""
    return module if (ROOT / module.replace(".", "/")).is_dir() else module.rpartition(".")[0]


def imports(tree: ast.Module, known: Collection[str]) -> set[str]:
    """Modules of the house that it imports, also where one is imported from its package."""
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in known else node.module for name in names}
    return found & set(known)


@cache
def face(package: str) -> set[str] | None:
    """What its `__all__` names: the modules that others may import. None where that is all of them."""
    tree = ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text())
    listed = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return set(ast.literal_eval(listed[0])) if listed else None


def behind(module: str, target: str) -> bool:
    """Whether a package on the way to the target, in which the module is not, keeps it for itself."""
    names = target.split(".")
    for depth in range(1, len(names)):
        package = ".".join(names[:depth])
        known = None if f"{module}.".startswith(f"{package}.") else face(package)
        if known is not None and names[depth] not in known:
            return True
    return False


@pytest.mark.parametrize("room", HOUSE)
def test_imports_point_inwards(room: str) -> None:
    outwards = {*HOUSE[HOUSE.index(room) + 1 :], *SHEDS}
    paths = {path: imported(tree) & outwards for path, tree in trees(room)}
    assert paths
    assert {path: names for path, names in paths.items() if names} == {}


def test_no_two_folders_import_each_other_nor_do_any_in_a_circle() -> None:
    known = modules()
    graph: dict[str, set[str]] = {}
    for module, tree in known.items():
        others = {folder(name) for name in imports(tree, known)} - {folder(module)}
        graph.setdefault(folder(module), set()).update(others)
    assert len(graph) > len(HOUSE)
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_no_folder_has_more_modules_side_by_side_than_one_can_look_over() -> None:
    inside = Counter(module.rpartition(".")[0] for module in modules() if folder(module) != module)
    assert len(inside) > 20
    assert {name: count for name, count in inside.items() if count > MOST_MODULES} == {}


def test_nobody_imports_around_the_face_of_a_package() -> None:
    known = modules()
    around = {(module, name) for module, tree in known.items() for name in imports(tree, known) if behind(module, name)}
    assert around == set()


def test_a_face_names_what_is_there() -> None:
    known = modules()
    packages = [module for module in known if folder(module) == module and not imports(known[module], known)]
    named = {f"{package}.{name}" for package in packages for name in face(package) or ()}
    assert len(named) > 50
    assert named - known.keys() == set()


def test_what_is_behind_a_face_is_noticed() -> None:
    assert behind("service.labels", "eventstore.commit.unit")
    assert behind("eventstore.store", "eventstore.commit.queue")
    assert not behind("eventstore.commit.writer", "eventstore.commit.queue")
    assert not behind("service.labels", "eventstore.store")


def test_the_domain_imports_the_standard_library_itself_and_what_only_computes() -> None:
    known = {*sys.stdlib_module_names, "anyascii", "idna", "msgspec", "domain"}
    assert {path: names for path, tree in trees("domain") if (names := imported(tree) - known)} == {}


def test_the_domain_reads_no_clock_draws_no_numbers_and_waits_for_nothing() -> None:
    assert {path: names for path, tree in trees("domain") if (names := impurities(tree))} == {}


def loaded(code: str) -> set[str]:
    """Top-level packages that a process has loaded after the code."""
    told = f"import sys; {code}; print(*(name.partition('.')[0] for name in sys.modules))"
    names = subprocess.run([sys.executable, "-c", told], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return set(names.split())


def test_the_command_line_loads_what_a_command_needs_when_it_is_run() -> None:
    """Otherwise `--help`, and every command, would take as long as starting the service."""
    names = loaded("import api.cli")
    assert {"typer", "api"} <= names
    assert HEAVY & names == set()


def test_only_serving_loads_the_web_framework() -> None:
    actions = [name for name in modules() if folder(name) == "api.cli.actions" and not name.endswith("serve")]
    assert len(actions) > 8
    names = loaded(f"import {', '.join(actions)}")
    assert {"typer", "msgspec"} <= names
    assert WEB & names == set()
    assert loaded("import api.cli.actions.serve") >= WEB


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("at = datetime.now(UTC)", {"now"}),
        ("from uuid import uuid4\nid = uuid4()", {"uuid", "uuid4"}),
        ("import random", {"random"}),
        ("async def decide(): ...", {"async"}),
        ("from datetime import datetime\nat = datetime(2025, 1, 1)", set()),
    ],
)
def test_impurity_is_noticed(code: str, found: set[str]) -> None:
    assert impurities(ast.parse(code)) == found
