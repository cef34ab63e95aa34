import pytest

from domain.event import Claim, Command
from domain.refusals import UserNotFound
from domain.user import (
    USER,
    ChangeUserProfile,
    DeleteUser,
    EraseUser,
    RegisterUser,
    UserDeleted,
    UserErased,
    UserProfile,
    UserProfileChanged,
    UserRegistered,
)
from tests.domain.specification import folded, given

JANE = UserProfile(user_login="Jane", user_email="Jane@Example.com", display_name="Jane Roe", user_nicename="jane")
JANE_RENAMED = UserProfile(user_login="Jane", user_email="Jane@Example.com", display_name="Jane Poe")

registered = UserRegistered(profile=JANE)
deleted = UserDeleted()
erased = UserErased()


def test_a_user_is_registered() -> None:
    given(USER).when(RegisterUser(profile=JANE)).then(registered)


def test_a_known_user_takes_the_profile_that_wordpress_tells() -> None:
    given(USER, registered).when(RegisterUser(profile=JANE_RENAMED)).then(
        UserProfileChanged(display_name="Jane Poe", user_nicename="")
    )


def test_the_same_profile_again_is_no_event() -> None:
    given(USER, registered).when(RegisterUser(profile=JANE)).then_nothing()


def test_a_change_tells_only_the_fields_that_changed() -> None:
    change = ChangeUserProfile(user_email="jane@example.org", user_login="Jane", user_url="https://example.org")
    given(USER, registered).when(change).then(
        UserProfileChanged(user_email="jane@example.org", user_url="https://example.org")
    )


@pytest.mark.parametrize("change", [ChangeUserProfile(), ChangeUserProfile(user_login="Jane", display_name="Jane Roe")])
def test_a_change_that_changes_nothing_is_no_event(change: Command) -> None:
    given(USER, registered).when(change).then_nothing()


def test_a_user_is_deleted() -> None:
    given(USER, registered).when(DeleteUser()).then(deleted)


@pytest.mark.parametrize("history", [(), (registered, deleted)], ids=["never registered", "deleted"])
@pytest.mark.parametrize("command", [ChangeUserProfile(display_name="Jane"), ChangeUserProfile(), DeleteUser()])
def test_a_user_who_is_not_there_is_neither_changed_nor_deleted(
    history: tuple[UserRegistered | UserDeleted, ...], command: Command
) -> None:
    given(USER, *history).when(command).refused(UserNotFound)


def test_wordpress_may_bring_a_deleted_user_back() -> None:
    given(USER, registered, deleted).when(RegisterUser(profile=JANE)).then(registered)


@pytest.mark.parametrize("history", [(registered,), (registered, deleted)])
def test_a_user_is_erased_also_when_it_was_deleted_before(history: tuple[UserRegistered | UserDeleted, ...]) -> None:
    given(USER, *history).when(EraseUser()).then(erased)
    assert folded(USER, *history, erased) is None


def test_wordpress_may_bring_an_erased_user_back() -> None:
    given(USER, registered, erased).when(RegisterUser(profile=JANE)).then(registered)


def test_login_and_email_are_claimed_without_regard_to_case() -> None:
    assert USER.claims(folded(USER, registered)) == {
        Claim("user-login", "jane"),
        Claim("user-email", "jane@example.com"),
    }


def test_a_deleted_user_frees_its_claims() -> None:
    assert USER.claims(folded(USER, registered, deleted)) == frozenset()
