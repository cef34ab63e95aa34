"""Who is asking, by an application password."""

import re
import secrets
import string
from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import NamedTuple, Protocol, runtime_checkable
from uuid import UUID

from service.credentials.roles import PERMISSIONS, Permission, Role
from service.redaction import Personal, Secret

PASSWORD_LENGTH = 24
MAX_USER_LENGTH = 255
_ALPHABET = string.ascii_letters + string.digits
LOGIN = "[!-9;-~]([ -9;-~]*[!-9;-~])?"  # no colon, no blanks around it
_LOGIN = re.compile(LOGIN)


class WrongPassword(Exception):
    """Nobody has this password, or somebody with another login."""


class PermissionMissing(Exception):
    """The application password may not do this, for which it lacks these permissions."""

    def __init__(self, lacking: Collection[Permission] = ()) -> None:
        super().__init__(*sorted(lacking))
        self.lacking = sorted(lacking)


class Principal(NamedTuple):
    """A login, by the application password that it came with, which may do less than the login's role."""

    user: str
    permissions: frozenset[Permission]
    credential: UUID

    def require(self, permission: Permission) -> None:
        """Raises PermissionMissing."""
        self.require_all([permission])

    def require_all(self, permissions: Collection[Permission]) -> None:
        """Raises PermissionMissing."""
        if lacking := set(permissions) - self.permissions:
            raise PermissionMissing(lacking)


class Given(NamedTuple):
    """What a request claims; a bearer names no user."""

    user: Personal | None
    password: Secret


@runtime_checkable
class CredentialLookup(Protocol):
    """Whose password has this digest. More than one, if a password that was given from outside is another's too."""

    async def __call__(self, digest: bytes, /) -> Sequence[Principal]: ...


def allowed(role: Role, narrowed: Collection[str] | None) -> frozenset[Permission]:
    """A credential's permissions: all of its role's, or some."""
    return PERMISSIONS[role] if narrowed is None else PERMISSIONS[role].intersection(narrowed)


def new_password() -> str:
    """24 random characters, 142 bits, in groups of four."""
    password = "".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH))
    return " ".join(password[start : start + 4] for start in range(0, PASSWORD_LENGTH, 4))


def password_digest(password: str, key: bytes) -> bytes:
    """Blanks do not count. A random password needs no slow hash; the key, of up to 64 bytes, is the store's own."""
    return blake2b("".join(password.split()).encode(), key=key, digest_size=32).digest()


async def authenticate(given: Given, find: CredentialLookup, key: bytes) -> Principal:
    """Raises WrongPassword, after the same work whether the user is known or not: nobody looks for the user."""
    for found in await find(password_digest(given.password.reveal(), key)):
        if given.user is None or given.user.reveal() == found.user:
            return found
    raise WrongPassword


def is_login(user: str) -> bool:
    """Whether somebody can have it: ASCII, because clients do not agree on how Basic says anything else."""
    return len(user) <= MAX_USER_LENGTH and _LOGIN.fullmatch(user) is not None
