"""A read model says what each kind of event does to it, which of its rows are about people, and when it is another."""

from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from domain.customer import CustomerErased, CustomerRegistered, UserAttached
from domain.event import Event, tag
from domain.events import ERASING, EVENTS
from domain.value import RULE, OrderValue, figures, gross
from domain.webhook import WebhookDeleted
from projections.history.person import Export
from projections.models import PROJECTIONS
from projections.models.customers import CODES, CUSTOMERS, FOLDED, SORTED
from projections.models.figures import FIGURES, with_figures
from projections.tables.projection import Change, Projection
from projections.tables.schema import fingerprint
from tests.projections.meaning import digest

GOLDEN = Path(__file__).parents[1] / "data" / "projections.json"
VERSIONS = msgspec.json.decode(GOLDEN.read_bytes(), type=dict[str, dict[str, str]])

# Events that change no row but count in the version of their customer. Each has its reason beside it.
INVISIBLE: set[type[Event]] = set()

each_event = pytest.mark.parametrize("event", EVENTS, ids=tag)
each_projection = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)


@each_event
def test_every_event_changes_some_read_model_or_is_listed_as_invisible(event: type[Event]) -> None:
    is_visible = any(event in projection.changes for projection in PROJECTIONS if projection is not FIGURES)
    assert is_visible != (event in INVISIBLE), f"{tag(event)}: give it a Change in a read model, or list it"


@pytest.mark.parametrize(
    ("name", "event", "change"),
    [(each.name, event, change) for each in PROJECTIONS for event, change in each.changes.items()],
    ids=lambda value: tag(value) if isinstance(value, type) else None,
)
def test_a_change_is_made_of_functions_for_its_event(name: str, event: type[Event], change: Change) -> None:
    taken = list(get_type_hints(change.evolve).values())[2]
    assert event in (get_args(taken) or [taken]) or taken is Event, f"{name}: {change.evolve.__name__} takes {taken}"


def erasures_that_change(projection: Projection[Any]) -> list[type[Event]]:
    return [event for event in ERASING if event in projection.changes and event is not WebhookDeleted]


@each_projection
def test_rows_about_people_change_when_they_are_erased(projection: Projection[Any]) -> None:
    assert bool(erasures_that_change(projection)) == (projection.erased is not None)
    if projection.erased:
        assert projection.erased.column in projection.table.names


# Names in the export of a person, where they are not the read model's own.
EXPORTED_AS = {"figures": "customer", "customers": "customer"}


@each_projection
def test_what_is_about_people_is_exported(projection: Projection[Any]) -> None:
    is_exported = EXPORTED_AS.get(projection.name, projection.name) in Export._fields
    assert is_exported or projection.erased is None, f"projections/history/person.py lacks {projection.name}"


# Found by the primary key, and by the index of labels; notes are too long to sort by.
UNSORTED = {"id", "labels", "notes"}


def test_every_column_of_customers_has_an_index_or_a_reason() -> None:
    assert {*FOLDED, *CODES, *SORTED} == set(CUSTOMERS.table.names) - UNSORTED


def test_another_rule_of_value_rebuilds_the_figures() -> None:
    assert FIGURES.version == f"{RULE.name} {RULE.version}"
    assert fingerprint(FIGURES) != fingerprint(
        msgspec.structs.replace(FIGURES, version=f"{RULE.name} {RULE.version + 1}")
    )


def meaning(projection: Projection[Any]) -> str:
    """What makes the rows: functions by event, texts that are derived from them, and of figures the sums."""
    parts: list[Any] = [] if projection is not FIGURES else [figures, with_figures, *RULE]
    changes = projection.changes
    if projection is FIGURES:  # what every event does to them is one thing, whichever events there are
        changes = {event: changes[event] for event in (CustomerRegistered, CustomerErased, UserAttached)}
    for event, change in sorted(changes.items(), key=lambda item: tag(item[0])):
        parts += [tag(event), change.keys, change.evolve, change.makes]
    for derived in projection.table.derived:
        parts += [derived.name, derived.sources, derived.of]
    return digest(*parts)


@each_projection
def test_a_read_model_that_does_something_else_has_another_version(projection: Projection[Any]) -> None:
    """The file has a digest for each version that ever was. Add to it; change a line only where every row stays."""
    name, version, now = projection.name, str(projection.version), meaning(projection)
    known = VERSIONS.get(name, {}).get(version)
    assert now == known, f'{name} is new or has changed: raise its version, and add that with "{now}" to {GOLDEN.name}'


def paid(order: OrderValue) -> int:
    return order.total_paid if order.total_paid % MOST else MOST


def kept(
    order: OrderValue,
) -> int:
    """What a shop has kept."""
    # None of it was given back.
    return (
        order.total_paid if order.total_paid % MOST
        else MOST
    )  # fmt: skip


def doubled(order: OrderValue) -> int:
    return 2 * paid(order)


def twice(order: OrderValue) -> int:
    return 2 * kept(order)


MOST = 100


def test_names_and_format_are_no_other_meaning() -> None:
    assert digest(paid) == digest(kept)
    assert digest(doubled) == digest(twice)


def test_what_a_function_uses_is_part_of_its_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(doubled)
    monkeypatch.setitem(globals(), "MOST", 101)
    assert digest(doubled) != before
    monkeypatch.setitem(globals(), "MOST", 100)
    monkeypatch.setitem(globals(), "paid", gross)
    assert digest(doubled) != before
