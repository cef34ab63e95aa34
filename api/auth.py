"""Who is asking, by an application password, and what a role may do."""

import secrets
import string
from base64 import b64decode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from hmac import compare_digest
from typing import Literal, NamedTuple, Protocol, TypeAlias, get_args, runtime_checkable

from api.refusals import Forbidden, Unauthenticated

Role: TypeAlias = Literal["administrator", "manager", "worker", "monitor"]
Permission: TypeAlias = Literal[
    "customers/view",
    "customers/manage",
    "customers/delete",
    "orders/view",
    "orders/manage",
    "labels/view",
    "labels/manage",
    "users/view",
    "users/manage",
    "history/view",  # of the whole store; a customer's own history is part of customers/view
    "replays/manage",
    "metrics/view",
]

_VIEW: frozenset[Permission] = frozenset({"customers/view", "orders/view", "labels/view"})
_MANAGE: frozenset[Permission] = frozenset({"customers/manage", "customers/delete", "orders/manage", "labels/manage"})
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    "administrator": frozenset(get_args(Permission)),
    "manager": _VIEW | _MANAGE | {"users/view"},
    "worker": _VIEW,
    "monitor": frozenset({"metrics/view"}),  # for what watches over the service, and sees nobody
}

PASSWORD_LENGTH = 24
MAX_USER_LENGTH = 255
_ALPHABET = string.ascii_letters + string.digits
_NOBODY = bytes(32)


class Credential(NamedTuple):
    """A stored application password. A user may have several."""

    role: Role
    digest: bytes


class Principal(NamedTuple):
    user: str
    role: Role

    def require(self, permission: Permission) -> None:
        """Raises Forbidden."""
        if permission not in PERMISSIONS[self.role]:
            raise Forbidden


@runtime_checkable
class CredentialLookup(Protocol):
    """The credentials of a user; none for an unknown one."""

    async def __call__(self, user: str) -> Sequence[Credential]: ...


def new_password() -> str:
    """24 random characters, 142 bits, in groups of four."""
    password = "".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH))
    return " ".join(password[start : start + 4] for start in range(0, PASSWORD_LENGTH, 4))


def password_digest(password: str, key: bytes) -> bytes:
    """Blanks do not count. A random password needs no slow hash; the key, of up to 64 bytes, is the store's own."""
    return blake2b("".join(password.split()).encode(), key=key, digest_size=32).digest()


async def authenticate(authorization: str | None, find: CredentialLookup, key: bytes) -> Principal:
    """From an Authorization header. Raises Unauthenticated, after the same work whether the user is known or not."""
    user, password = parse_basic(authorization)
    given = password_digest(password, key)
    credentials = await find(user)
    if not credentials:
        compare_digest(given, _NOBODY)
    matching = [credential for credential in credentials if compare_digest(given, credential.digest)]
    if not matching:
        raise Unauthenticated
    return Principal(user, matching[0].role)


def parse_basic(authorization: str | None) -> tuple[str, str]:
    """User and password. Raises Unauthenticated for anything else, and for a user name that nobody can have."""
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        user, colon, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError as error:
        raise Unauthenticated from error
    if scheme.lower() != "basic" or not colon or not 0 < len(user) <= MAX_USER_LENGTH or not user.isprintable():
        raise Unauthenticated
    return user, password
