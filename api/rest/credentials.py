"""Application passwords over HTTP: who has them, new ones, and their end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from litestar.params import FromPath
from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from api.handling.serving import AnyRequest, serving
from api.handling.writes import Outcome, carry_out, nothing
from api.http.answer import Answer, answer
from api.http.request import read
from api.openapi.operation import delete, get, post
from api.presentation.users import ShownCredential, credential
from api.presentation.values import Done
from eventstore.postgres.connection import Session
from service.credentials import passwords as credentials
from service.credentials.auth import LOGIN, MAX_USER_LENGTH, Principal, allowed, is_login
from service.credentials.choices import PERMISSION, ROLE
from service.credentials.passwords import CredentialExists, CredentialNotFound, LastAdministrator
from service.credentials.roles import PERMISSIONS, Role
from service.fields.compound import Chosen, Sent
from service.fields.convert import Unfit
from service.fields.input import Input, Nothing
from service.fields.kinds import OneOf, Schema, Text, Words
from service.fields.reader import Fields

GROUP = "Credentials"


class CredentialsListed(Struct):
    credentials: list[ShownCredential]


class NewCredential(ShownCredential):
    """`password` is null in a repetition of the request."""

    password: Annotated[str | None, Meta(examples=["abcd efgh ijkl mnop qrst uvwx"])]


class CredentialMade(Struct):
    message: str
    data: NewCredential


@dataclass(frozen=True)
class Login(Text):
    def read(self, raw: Any) -> Any:
        login = super().read(raw)
        if not is_login(login):
            raise Unfit("login", "must be ASCII, without a colon.")
        return login

    @property
    def schema(self) -> Schema:
        return super().schema | {"pattern": rf"^[ \t\r\n]*{LOGIN}[ \t\r\n]*$"}


class CredentialToMake(Input, forbid_unknown_fields=True):
    login: Annotated[str, Login(MAX_USER_LENGTH, example="ann")]
    name: Annotated[str, Text(255, example="phone")]
    role: Annotated[Role, OneOf(ROLE, example="worker")]
    permissions: Annotated[
        Any,
        Sent(
            {"type": ["array", "null"], "items": PERMISSION.schema},
            about="Of the role's, only these.",
            example=["customers/view"],
        ),
    ] = None

    def check(self, fields: Fields) -> None:
        """Which permissions there are depends on the role."""
        of_role = Chosen(Words("", tuple(PERMISSIONS[self.role])))
        self.permissions = of_role.take(fields, "permissions", None)


@get("/credentials", "List application passwords", GROUP, "credentials/own", answers=CredentialsListed)
async def list_credentials(request: AnyRequest) -> Answer:
    """Those of your own login, or with the permission `credentials/manage` everybody's."""
    found = await credentials.listed(serving(request).store.pool, whose(request))
    return answer(CredentialsListed(list(map(credential, found))))


@post(
    "/credentials", "Make an application password", GROUP, "credentials/manage", takes=CredentialToMake,
    answers=CredentialMade, refuses=CredentialExists,
)  # fmt: skip
async def create_credential(request: AnyRequest) -> Answer:
    """It may do what its role may, or of that only what `permissions` names, and never more than the one it is made
    with. The password is shown this once: a repetition with the same Idempotency-Key has null in its place.
    """
    wanted = await read(request, CredentialToMake)
    return await carry_out(request, nothing, making(request, wanted))


def making(request: AnyRequest, wanted: CredentialToMake) -> Callable[[Session, None], Awaitable[Outcome]]:
    """Raises PermissionMissing where it might do more than the one that it is made with."""
    asking: Principal = request.user
    asking.require_all(allowed(wanted.role, wanted.permissions))

    async def make(session: Session, _result: None) -> Outcome:
        added = await credentials.add(session, wanted.login, wanted.role, wanted.name, wanted.permissions)
        made = NewCredential(**asdict(credential(added.credential)), password=added.password)
        body = CredentialMade("Application password created. It is shown this once!", made)
        return Outcome(body, kept=replace(body, data=replace(made, password=None)))

    return make


@delete(
    "/credentials/{uuid:str}", "Revoke a password", GROUP, "credentials/own", takes=Nothing, answers=Done,
    refuses=(CredentialNotFound, LastAdministrator),
)  # fmt: skip
async def revoke_credential(request: AnyRequest, uuid: FromPath[str]) -> Answer:
    """One of your own login's, or with the permission `credentials/manage` anybody's. When this answers, no process
    lets it in any more. The last administrator's stays.
    """
    await read(request, Nothing)
    response = await carry_out(request, nothing, revoking(request, uuid))
    await credentials.everywhere()
    return response


def revoking(request: AnyRequest, uuid: str) -> Callable[[Session, None], Awaitable[Outcome]]:
    """One of those that may be seen. Wait for `everywhere` afterwards."""

    async def revoke(session: Session, _result: None) -> Outcome:
        await credentials.revoke(session, uuid_in_path(uuid), whose(request))
        return Outcome(Done("Application password revoked."))

    return revoke


def whose(request: AnyRequest) -> str | None:
    """Whose application passwords may be seen; None for everybody's."""
    asking: Principal = request.user
    return None if "credentials/manage" in asking.permissions else asking.user


def uuid_in_path(text: str) -> UUID:
    """Raises CredentialNotFound if the text can't be one."""
    try:
        return UUID(text)
    except ValueError:
        raise CredentialNotFound from None


HANDLERS: list[Any] = [list_credentials, create_credential, revoke_credential]
