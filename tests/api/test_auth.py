from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auth import (
    PERMISSIONS,
    Credential,
    Permission,
    Principal,
    Role,
    authenticate,
    new_password,
    parse_basic,
    password_digest,
)
from api.refusals import Forbidden, Unauthenticated

KEY = b"the store's key"
OLD, NEW = "abcd efgh ijkl mnop qrst uvwx", "ABCD EFGH IJKL MNOP QRST UVWX"
WALLY = [Credential("worker", password_digest(OLD, KEY)), Credential("worker", password_digest(NEW, KEY))]


async def stored(user: str) -> Sequence[Credential]:
    return WALLY if user == "wally" else []


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
    assert await authenticate(basic(f"wally:{password}"), stored, KEY) == Principal("wally", "worker")


async def test_any_of_a_users_passwords_will_do() -> None:
    assert await authenticate(basic(f"wally:{NEW}"), stored, KEY) == Principal("wally", "worker")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic é",
        "Bearer abc",
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
async def test_whoever_does_not_prove_it_is_refused(authorization: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await authenticate(authorization, stored, KEY)


def test_a_password_may_hold_a_colon() -> None:
    assert parse_basic(basic("wally:a:b")) == ("wally", "a:b")


@given(st.text(max_size=60))
def test_any_header_is_read_or_refused(authorization: str) -> None:
    for header in (authorization, f"Basic {authorization}"):
        with suppress(Unauthenticated):
            parse_basic(header)


ALLOWED: list[tuple[Role, Permission]] = [
    ("worker", "customers/view"),
    ("worker", "orders/view"),
    ("manager", "customers/manage"),
    ("manager", "customers/delete"),
    ("administrator", "history/view"),
    ("administrator", "replays/manage"),
    ("monitor", "metrics/view"),
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
]


@pytest.mark.parametrize(("role", "permission"), ALLOWED)
def test_a_role_may_do_what_it_is_for(role: Role, permission: Permission) -> None:
    Principal("someone", role).require(permission)


@pytest.mark.parametrize(("role", "permission"), FORBIDDEN)
def test_a_role_may_do_nothing_else(role: Role, permission: Permission) -> None:
    with pytest.raises(Forbidden):
        Principal("someone", role).require(permission)


def test_each_role_may_do_all_that_the_one_below_it_may() -> None:
    assert PERMISSIONS["worker"] < PERMISSIONS["manager"] < PERMISSIONS["administrator"]
