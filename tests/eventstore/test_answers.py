"""Answers within a batch: each sees what its command did, and one that fails leaves nothing to those after it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.event import Claim, Stream
from domain.label import LABEL, CreateLabel, LabelCreated, LabelRenamed, RenameLabel
from domain.user import USER, ChangeUserProfile, DeleteUser, EraseUser, RegisterUser, UserCommand, UserProfile
from eventstore.postgres.connection import Session
from eventstore.store import Store, Unit
from proof.checks import claims
from tests.eventstore.acts import BY, do
from tests.eventstore.arriving import arriving_together, label, so_many_wait, transactions


async def test_what_was_decided_on_a_command_whose_answer_fails_is_decided_again(store: Store) -> None:
    """The one whose answer fails also gives up a name, which nobody gets, and takes one, which anybody may have."""
    await label(store, 1, "old")

    async def show(_session: Session, _result: None) -> None:
        raise ZeroDivisionError

    async def work(unit: Unit) -> None:
        await unit.decide(LABEL, 1, RenameLabel(value="taken"))

    async with arriving_together(store) as start:
        [failing] = start(store.answer(BY, work, show))
        await so_many_wait(store, 1)
        [following] = start(do(store, LABEL, 1, RenameLabel(value="new")))
        await so_many_wait(store, 2)
        [taking] = start(label(store, 2, "taken"))
    assert isinstance(failing.exception(), ZeroDivisionError)
    assert [following.exception(), taking.exception()] == [None, None]
    stream = await store.log.stream(store.pool, Stream("label", 1))
    assert [(each.version, each.event) for each in stream] == [
        (1, LabelCreated(value="old")),
        (2, LabelRenamed(value="new")),
    ]
    held = await claims(store)
    assert [held.get(Claim("label", value)) for value in ("old", "new", "taken")] == [
        None,
        Stream("label", 1),
        Stream("label", 2),
    ]


@pytest.mark.parametrize(
    "ask",
    [
        lambda session, query: session.fetchval(query),
        lambda session, query: session.fetchrow(query),
        lambda session, query: session.fetch(query),
        lambda session, query: session.execute(query),
    ],
    ids=["fetchval", "fetchrow", "fetch", "execute"],
)
async def test_however_an_answer_asks_it_sees_what_its_command_did(
    store: Store, ask: Callable[[Session, str], Awaitable[Any]]
) -> None:
    async def shown(session: Session, _result: None) -> Any:
        return await ask(session, "SELECT value FROM labels WHERE id = 1")

    async def work(unit: Unit) -> None:
        await unit.decide(LABEL, 1, CreateLabel(value="new"))

    assert await store.answer(BY, work, shown) in ("new", ("new",), [("new",)], "SELECT 1")


async def test_a_row_that_is_written_because_somebody_asks_is_changed_again_in_the_same_transaction(
    store: Store,
) -> None:
    """A user is registered, changed, erased and registered anew, and each answer asks the database, once."""
    asked = 0

    async def shown(session: Session, _result: None) -> Any:
        nonlocal asked
        asked += 1
        return await session.fetchval("SELECT display_name FROM users WHERE id = 7")

    def answer(command: UserCommand) -> Awaitable[Any]:
        async def work(unit: Unit) -> None:
            await unit.decide(USER, 7, command)

        return store.answer(BY, work, shown)

    first = RegisterUser(profile=UserProfile(user_login="ada", user_email="ada@example.com", display_name="Ada"))
    again = RegisterUser(profile=UserProfile(user_login="eve", user_email="eve@example.com", display_name="Eve"))
    tasks = []
    async with arriving_together(store) as start:
        for command in (first, ChangeUserProfile(display_name="Zoe"), EraseUser(), again, DeleteUser()):
            tasks += start(answer(command))
            await so_many_wait(store, len(tasks))
    assert [task.result() for task in tasks] == ["Ada", "Zoe", None, "Eve", None]
    assert asked <= len(tasks) + 1  # and once more where it turns out that somebody asks
    assert await transactions(store, Stream("user", 7)) == 1
