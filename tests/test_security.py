"""What holds of all the code of the service, whatever is asked of it."""

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("domain", "eventstore", "projections", "service", "api")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
# Who could be sent somewhere by what a client says: webhooks alone are, to addresses that are guarded.
CALLING = {"httpx", "requests", "urllib3", "aiohttp", "http.client", "urllib.request", "ftplib", "smtplib", "xmlrpc"}
GUARDED = {ROOT / "service" / "webhooks" / "delivery" / name for name in ("guard.py", "sender.py")}
# What makes code, or objects of any kind, of data.
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "yaml", "xml", "lxml", "jinja2", "dill", "cloudpickle", "markupsafe"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}
# Templates are files of ours; whatever is put into them is escaped.
PAGES = ROOT / "api" / "console" / "pages.py"
UNESCAPED = re.compile(r"from_string|Markup\(|\bautoescape\b(?!=True)|\|\s*safe\b")
INLINE = re.compile(r"\bstyle\s*=|<style|<script(?! src=)|\son[a-z]+\s*=")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def called(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def within(module: str, modules: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in modules)


def test_the_service_calls_nobody_whom_a_client_could_name_but_webhooks_behind_their_guard() -> None:
    assert len(FILES) > 100
    assert {path for path in FILES for name in imported(path) if within(name, CALLING)} == GUARDED


def test_nothing_that_is_sent_becomes_code_or_an_object_of_its_choice() -> None:
    used = {(path, name) for path in FILES for name in imported(path) if within(name, UNSAFE_MODULES)}
    assert used == {(PAGES, "jinja2")}
    assert not [(path, name) for path in FILES for name in called(path) if name in UNSAFE_CALLS]


def unsafe(text: str) -> list[str]:
    return [found[0] for pattern in (UNESCAPED, INLINE) if (found := pattern.search(text))]


def test_no_page_of_the_console_has_anything_unescaped_or_inline() -> None:
    pages = [*PAGES.parent.rglob("*.html")]
    assert len(pages) > 5
    assert not [(path, found) for path in pages if (found := unsafe(path.read_text()))]
    assert not [path for path in FILES if path != PAGES and UNESCAPED.search(path.read_text())]


@pytest.mark.parametrize("text", ["{{ a|safe }}", "{{ a | safe }}", '<p style="a">', '<a onclick="b">', "<script>",
                                  "Markup(a)", "{% autoescape false %}", "env.from_string"])  # fmt: skip
def test_what_would_be_is_noticed(text: str) -> None:
    assert unsafe(text)


def patterns() -> Iterator[tuple[str, str]]:
    """Every regular expression that is written down, and where."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                name = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
                first = node.args[0]
                if name == "re" and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield path.name, first.value


UNENDING = ("a", "1", " ", "-", "a.", "1-", " a", "%", "[", "[]", "(", "\\", '"', "=", "a=", "\u0661", "é", "@", "/")


@pytest.mark.parametrize(("where", "pattern"), sorted(set(patterns())))
def test_no_regular_expression_takes_long_for_any_text(where: str, pattern: str) -> None:
    """One that goes back and forth would take years for 20,000 characters that nearly fit."""
    compiled = re.compile(pattern)
    began = time.process_time()
    for part in UNENDING:
        text = part * (20_000 // len(part)) + "\n!"
        compiled.fullmatch(text)
        compiled.match(text)
        compiled.search(text[:2_000])
    assert time.process_time() - began < 5, where
