"""A WordPress user, as WordPress tells it. Its ID is WordPress's own."""

from typing import TypeAlias, assert_never

import msgspec

from domain.event import Claim, Command, Decider, Event, Value
from domain.refusals import UserNotFound
from domain.text import identity


class UserProfile(Value, frozen=True, kw_only=True):
    user_login: str
    user_email: str
    display_name: str = ""
    first_name: str = ""
    last_name: str = ""
    user_url: str = ""
    user_nicename: str = ""


class UserRegistered(Event, frozen=True, kw_only=True, tag="user-registered"):
    personal = True
    profile: UserProfile


class UserProfileChanged(Event, frozen=True, kw_only=True, tag="user-profile-changed"):
    """Only the fields that changed."""

    personal = True
    user_login: str | None = None
    user_email: str | None = None
    display_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    user_url: str | None = None
    user_nicename: str | None = None


class UserDeleted(Event, frozen=True, kw_only=True, tag="user-deleted"):
    personal = True


class UserErased(Event, frozen=True, kw_only=True, tag="user-erased"):
    """Together with its customer. WordPress may tell of it again."""

    personal = False
    outlives_erasure = True


UserEvent: TypeAlias = UserRegistered | UserProfileChanged | UserDeleted | UserErased


class RegisterUser(Command, frozen=True, kw_only=True):
    """Also brings the profile up to date when the user is known: WordPress has the last word."""

    profile: UserProfile


class ChangeUserProfile(Command, frozen=True, kw_only=True):
    """None leaves a field as it is."""

    user_login: str | None = None
    user_email: str | None = None
    display_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    user_url: str | None = None
    user_nicename: str | None = None


class DeleteUser(Command, frozen=True, kw_only=True):
    pass


class EraseUser(Command, frozen=True, kw_only=True):
    """Also one that was deleted, of which events still tell."""


UserCommand: TypeAlias = RegisterUser | ChangeUserProfile | DeleteUser | EraseUser
PROFILE_FIELDS = UserProfile.__struct_fields__


def evolve(state: UserProfile | None, event: UserEvent) -> UserProfile | None:
    """The state is the profile, or None before registration and after deletion."""
    match event:
        case UserRegistered(profile=profile):
            return profile
        case UserProfileChanged():
            return state and changed(state, event)
        case UserDeleted() | UserErased():
            return None
        case _:
            assert_never(event)


def changed(profile: UserProfile, change: UserProfileChanged | ChangeUserProfile) -> UserProfile:
    """The profile with every field of the change that is not None."""
    sent = {name: value for name in PROFILE_FIELDS if (value := getattr(change, name)) is not None}
    return msgspec.structs.replace(profile, **sent)


def decide(command: UserCommand, state: UserProfile | None) -> list[UserEvent]:
    match command:
        case RegisterUser(profile=profile):
            return _difference(state, profile) if state else [UserRegistered(profile=profile)]
        case ChangeUserProfile():
            known = _existing(state)
            return _difference(known, changed(known, command))
        case DeleteUser():
            _existing(state)
            return [UserDeleted()]
        case EraseUser():
            return [UserErased()]
        case _:
            assert_never(command)


def _existing(state: UserProfile | None) -> UserProfile:
    if state is None:
        raise UserNotFound
    return state


def _difference(known: UserProfile, wanted: UserProfile) -> list[UserEvent]:
    differing = {name: new for name in PROFILE_FIELDS if (new := getattr(wanted, name)) != getattr(known, name)}
    return [UserProfileChanged(**differing)] if differing else []


def claims(state: UserProfile | None) -> frozenset[Claim]:
    if state is None:
        return frozenset()
    return frozenset({login_claim(state.user_login), Claim("user-email", identity.of_email(state.user_email))})


def login_claim(login: str) -> Claim:
    """No two users have it, in whatever case."""
    return Claim("user-login", identity.of_word(login))


USER: Decider[UserProfile | None] = Decider(
    category="user", initial=None, decide=decide, evolve=evolve, claims=claims, customer_of=lambda _id, _state: None
)
