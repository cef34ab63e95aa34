import pytest

from domain.event import Claim, Command, Event
from domain.label import LABEL, CreateLabel, DeleteLabel, LabelCreated, LabelDeleted, LabelRenamed, RenameLabel
from domain.refusals import LabelExists, LabelNotFound
from tests.domain.specification import folded, given

created = LabelCreated(value="Wholesale")
renamed = LabelRenamed(value="Retail")
deleted = LabelDeleted()


def test_a_label_is_created() -> None:
    given(LABEL).when(CreateLabel(value="Wholesale")).then(created)


@pytest.mark.parametrize("history", [(created,), (created, deleted)])
def test_an_id_is_never_given_twice(history: tuple[Event, ...]) -> None:
    given(LABEL, *history).when(CreateLabel(value="Retail")).refused(LabelExists)


@pytest.mark.parametrize("value", ["Retail", "wholesale"])
def test_a_label_is_renamed(value: str) -> None:
    given(LABEL, created).when(RenameLabel(value=value)).then(LabelRenamed(value=value))


def test_the_same_name_again_is_no_event() -> None:
    given(LABEL, created, renamed).when(RenameLabel(value="Retail")).then_nothing()


def test_a_label_is_deleted() -> None:
    given(LABEL, created).when(DeleteLabel()).then(deleted)


@pytest.mark.parametrize("history", [(), (created, deleted)], ids=["never created", "deleted"])
@pytest.mark.parametrize("command", [RenameLabel(value="Wholesale"), DeleteLabel()])
def test_a_label_that_is_not_there_is_neither_renamed_nor_deleted(history: tuple[Event, ...], command: Command) -> None:
    given(LABEL, *history).when(command).refused(LabelNotFound)


@pytest.mark.parametrize(
    ("history", "claims"),
    [
        ((), set()),
        ((created,), {Claim("label", "wholesale")}),
        ((created, renamed), {Claim("label", "retail")}),
        ((created, renamed, deleted), set()),
    ],
)
def test_its_value_is_claimed_without_regard_to_case_until_it_is_deleted(
    history: tuple[Event, ...], claims: set[Claim]
) -> None:
    assert LABEL.claims(folded(LABEL, *history)) == claims
