from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.access.authorization import read_authorization
from api.http.refusals import Unauthenticated
from service.credentials.auth import (
    PermissionMissing,
    Principal,
    WrongPassword,
    allowed,
    authenticate,
    new_password,
    password_digest,
)
from service.credentials.roles import PERMISSIONS, Permission, Role
from service.redaction import Personal, Secret

KEY = b"the store's key"
OLD, NEW = "abcd efgh ijkl mnop qrst uvwx", "ABCD EFGH IJKL MNOP QRST UVWX"
NARROWED = allowed("manager", ["customers/view", "replays/manage"])
PHONE = Principal("wally", PERMISSIONS["worker"], UUID(int=1))
DESK = Principal("wally", NARROWED, UUID(int=2))
STORED = {password_digest(OLD, KEY): [PHONE], password_digest(NEW, KEY): [DESK]}


async def stored(digest: bytes) -> Sequence[Principal]:
    return STORED.get(digest, [])


async def let_in(authorization: str) -> Principal:
    return await authenticate(read_authorization(authorization), stored, KEY)


def principal(role: Role) -> Principal:
    return Principal("someone", PERMISSIONS[role], UUID(int=3))


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


def test_a_new_password_is_24_letters_and_digits_in_groups_of_four() -> None:
    groups = new_password().split(" ")
    assert [len(group) for group in groups] == [4] * 6
    assert "".join(groups).isalnum()
    assert "".join(groups).isascii()
    assert new_password() != new_password()


def test_a_password_is_stored_as_a_digest_that_only_the_key_repeats() -> None:
    assert password_digest(OLD, KEY) == password_digest(OLD, KEY)
    assert password_digest(OLD, KEY) != password_digest(OLD, b"another key")
    assert password_digest(OLD, KEY) != password_digest(NEW, KEY)


@pytest.mark.parametrize("password", [OLD, OLD.replace(" ", ""), f" {OLD}\n", "abcdefgh ijklmnopqrstuvwx"])
async def test_blanks_in_a_password_do_not_count(password: str) -> None:
    assert await let_in(basic(f"wally:{password}")) == PHONE


async def test_any_of_a_users_passwords_will_do() -> None:
    assert await let_in(basic(f"wally:{NEW}")) == DESK


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
async def test_a_bearer_needs_no_login(scheme: str) -> None:
    for shown in (NEW.replace(" ", ""), NEW, f"{NEW} "):
        assert await let_in(f"{scheme} {shown}") == DESK


def test_a_credential_may_do_less_than_its_role_and_never_more() -> None:
    assert {"customers/view"} == NARROWED


async def test_of_two_logins_with_one_password_each_gets_in_by_its_name() -> None:
    both = [PHONE._replace(user="olga"), PHONE]

    async def found(digest: bytes) -> Sequence[Principal]:
        return both

    for user in ("wally", "olga"):
        assert (await authenticate(read_authorization(basic(f"{user}:{OLD}")), found, KEY)).user == user
    assert (await authenticate(read_authorization(f"Bearer {OLD.replace(' ', '')}"), found, KEY)).user == "olga"


async def test_nobody_looks_for_a_user_so_that_time_does_not_tell_whether_there_is_one() -> None:
    """All that is asked of the store is a digest, which knows nothing of the user."""
    asked: list[bytes] = []

    async def found(digest: bytes) -> Sequence[Principal]:
        asked.append(digest)
        return []

    for user in ("wally", "nobody"):
        with pytest.raises(WrongPassword):
            await authenticate(read_authorization(basic(f"{user}:{OLD}")), found, KEY)
    assert asked == [password_digest(OLD, KEY)] * 2


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic é",
        "Bearer abc",
        "Bearer",
        f"Bearer  {OLD[:-1]}",
        f"Bearer wally:{OLD.replace(' ', '')}",
        basic("wally"),
        basic("wally:"),
        basic("wally:wrong"),
        basic(f"nobody:{OLD}"),
        basic(f":{OLD}"),
        basic(f"wal\0ly:{OLD}"),
        basic(f"{'w' * 256}:{OLD}"),
        f"Basic {b64encode(b'wally:' + bytes([255])).decode()}",
        basic(f"wally:{OLD}").replace("Basic", "Digest"),
    ],
)
async def test_whoever_does_not_prove_it_is_refused(authorization: str) -> None:
    with pytest.raises((Unauthenticated, WrongPassword)):
        await let_in(authorization)


def test_a_password_may_hold_a_colon() -> None:
    assert read_authorization(basic("wally:a:b")) == (Personal("wally"), Secret("a:b"))


@given(st.text(max_size=60))
def test_any_header_is_read_or_refused(authorization: str) -> None:
    for header in (authorization, f"Basic {authorization}", f"Bearer {authorization}"):
        with suppress(Unauthenticated):
            read_authorization(header)


ALLOWED: list[tuple[Role, Permission]] = [
    ("worker", "customers/view"),
    ("worker", "orders/view"),
    ("manager", "customers/manage"),
    ("manager", "customers/delete"),
    ("administrator", "history/view"),
    ("administrator", "replays/manage"),
    ("monitor", "metrics/view"),
    ("monitor", "credentials/own"),
    ("administrator", "credentials/manage"),
]
FORBIDDEN: list[tuple[Role, Permission]] = [
    ("worker", "customers/manage"),
    ("worker", "customers/delete"),
    ("worker", "orders/manage"),
    ("manager", "history/view"),
    ("manager", "replays/manage"),
    ("manager", "users/manage"),
    ("manager", "metrics/view"),
    ("monitor", "customers/view"),
    ("manager", "credentials/manage"),
    ("worker", "credentials/manage"),
]


@pytest.mark.parametrize(("role", "permission"), ALLOWED)
def test_a_role_may_do_what_it_is_for(role: Role, permission: Permission) -> None:
    principal(role).require(permission)


@pytest.mark.parametrize(("role", "permission"), FORBIDDEN)
def test_a_role_may_do_nothing_else(role: Role, permission: Permission) -> None:
    with pytest.raises(PermissionMissing):
        principal(role).require(permission)


def test_each_role_may_do_all_that_the_one_below_it_may() -> None:
    assert PERMISSIONS["worker"] < PERMISSIONS["manager"] < PERMISSIONS["administrator"]
