"""The name of a class stands for one idea in the whole house. Those that stand for more are listed: too many, yet."""

import ast
from collections import defaultdict

from tests.test_imports import HOUSE, trees

# Each of these is to get names of its own. The list only shrinks: one that stands for one idea by now is taken off it.
MORE_THAN_ONE_IDEA = {
    "Column",
    "Entry",
    "Export",
    "Item",
    "Kind",
    "Lines",
    "Moment",
    "Page",
    "Receipt",
    "Row",
    "Rule",
    "Statement",
    "View",
    "Wanted",
}


def classes() -> dict[str, set[str]]:
    """The files that define each class name."""
    found: dict[str, set[str]] = defaultdict(set)
    for room in HOUSE:
        for path, tree in trees(room):
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    found[node.name].add(path)
    return found


def test_no_new_class_takes_a_name_that_is_given() -> None:
    taken = {name: sorted(paths) for name, paths in classes().items() if len(paths) > 1}
    assert {name: paths for name, paths in taken.items() if name not in MORE_THAN_ONE_IDEA} == {}


def test_a_name_that_stands_for_one_idea_by_now_is_off_the_list() -> None:
    known = classes()
    assert {name for name in MORE_THAN_ONE_IDEA if len(known[name]) < 2} == set()
