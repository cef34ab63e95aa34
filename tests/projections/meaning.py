"""A digest of what functions do: the same after a new format, name, place, comment, docstring or annotation."""

import ast
import hashlib
import inspect
from collections.abc import Iterator
from textwrap import dedent
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

OURS = ("domain", "eventstore", "projections", "tests")
NOTHING_SAID: tuple[Any, ...] = (None, [], ())
PASSED_OVER = {"name", "returns", "annotation", "type_comment", "kind", "ctx"}


def digest(*roots: Any) -> str:
    """A digest of functions, with our functions and constants that they use, and of texts as they are."""
    return hashlib.sha256(repr([_meaning(root, ()) for root in roots]).encode()).hexdigest()[:16]


def _meaning(thing: Any, within: tuple[Any, ...]) -> Any:
    thing = inspect.unwrap(thing) if callable(thing) else thing
    match thing:
        case FunctionType():
            return _of_function(thing, within) if _is_ours(thing) else thing.__qualname__
        case type() | ModuleType() | BuiltinFunctionType():
            return thing.__name__
        case tuple() | list():
            return tuple(_meaning(each, within) for each in thing)
        case set() | frozenset():
            return tuple(sorted(map(repr, thing)))
        case _ if _is_ours(type(thing)):  # such as a cache, whatever is in it
            return type(thing).__name__
        case _:
            return repr(thing)


def _is_ours(thing: Any) -> bool:
    return thing.__module__.partition(".")[0] in OURS


def _of_function(function: FunctionType, within: tuple[Any, ...]) -> Any:
    if function in within:
        return "itself"
    used = dict(inspect.getclosurevars(function).globals) | dict(inspect.getclosurevars(function).nonlocals)
    known = {name: _meaning(value, (*within, function)) for name, value in used.items()}
    return _spelt(_definition(function), known)


def _definition(function: FunctionType) -> ast.AST:
    """A lambda among the arguments of a call, or a function without its docstring."""
    tree = ast.parse(dedent(inspect.getsource(function)).strip().rstrip(","))
    return next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda))


def _spelt(node: Any, known: dict[str, Any]) -> Any:
    """Nested tuples, which do not differ between versions of Python."""
    if isinstance(node, list):
        return tuple(_spelt(each, known) for each in node if not _is_docstring(each))
    if isinstance(node, ast.Name) and node.id in known:
        return known[node.id]
    return (type(node).__name__, *_fields(node, known)) if isinstance(node, ast.AST) else repr(node)


def _fields(node: ast.AST, known: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in ast.iter_fields(node):
        if name not in PASSED_OVER and value not in NOTHING_SAID:
            yield name, _spelt(value, known)


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
