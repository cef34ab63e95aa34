"""Application passwords over HTTP: who has them, new ones, and their end."""

from typing import Any, NamedTuple, get_args
from uuid import UUID

from litestar import delete, get, post
from litestar.params import FromPath

from api.access import credentials
from api.access.auth import MAX_USER_LENGTH, Principal, allowed, is_login
from api.access.credentials import Added, CredentialNotFound, Listed
from api.access.roles import PERMISSIONS, Role
from api.handling.serving import AnyRequest, needs, serving
from api.handling.writes import Shown, carry_out, nothing
from api.http.answer import Answer, answer
from api.http.request import read_input, refuse_fields
from eventstore.log.log import Session
from projections.tables.projection import utc
from service.fields.reader import Fields
from service.values import shown

ROLES: tuple[Role, ...] = get_args(Role)
MAX_NAME = 255


@get("/credentials", opt=needs("credentials/own"), summary="List application passwords")
async def list_credentials(request: AnyRequest) -> Answer:
    """Those of your own login, or with the permission `credentials/manage` everybody's."""
    found = await credentials.listed(serving(request).store.pool, _whose(request))
    return answer({"credentials": [credential(each) for each in found]})


@post("/credentials", opt=needs("credentials/manage"), summary="Make an application password", status_code=200)
async def create_credential(request: AnyRequest) -> Answer:
    """It may do what its role may, or of that only what `permissions` names, and never more than the one it is made
    with. The password is shown this once: a repetition with the same Idempotency-Key has null in its place.
    """
    fields = Fields(await read_input(request))
    wanted = _wanted(fields)
    fields.check_all()
    asking: Principal = request.user
    asking.require_all(allowed(wanted.role, wanted.permissions))

    async def show(connection: Session, _result: None) -> Shown:
        return _shown_once(await credentials.add(connection, *wanted))

    return await carry_out(request, nothing, show)


class Wanted(NamedTuple):
    """An application password to be; None for all permissions of the role."""

    login: str
    role: Role
    name: str
    permissions: list[str] | None


def _wanted(fields: Fields) -> Wanted:
    login = fields.required.text("login", max_length=MAX_USER_LENGTH)
    if not is_login(login):
        fields.refuse_unless_refused([("login", "login", "must be ASCII, without a colon.")])
    name = fields.required.text("name", max_length=MAX_NAME)
    role = fields.required.choice("role", ROLES)
    return Wanted(login, role, name, fields.optional(absent=None, empty=None).words("permissions", PERMISSIONS[role]))


def _shown_once(added: Added) -> Shown:
    made = credential(added.credential)
    message = "Application password created. It is shown this once!"
    kept = {"message": message, "data": made | {"password": None}}
    return Shown({"message": message, "data": made | {"password": added.password}}, kept=kept)


@delete("/credentials/{uuid:str}", opt=needs("credentials/own"), summary="Revoke a password", status_code=200)
async def revoke_credential(request: AnyRequest, uuid: FromPath[str]) -> Answer:
    """One of your own login's, or with the permission `credentials/manage` anybody's. When this answers, no process
    lets it in any more. The last administrator's stays.
    """
    await refuse_fields(request)
    whose = _whose(request)

    async def show(connection: Session, _result: None) -> Shown:
        await credentials.revoke(connection, _uuid(uuid), whose)
        return Shown({"message": "Application password revoked.", "data": ""})

    response = await carry_out(request, nothing, show)
    await credentials.everywhere()
    return response


def credential(listed: Listed) -> dict[str, Any]:
    """A credential as clients know it."""
    used = listed.last_used_at
    return listed._asdict() | {
        "uuid": str(listed.uuid),
        "permissions": sorted(listed.permissions),
        "created_at": shown(utc(listed.created_at)),
        "last_used_at": used and shown(utc(used)),
    }


def _whose(request: AnyRequest) -> str | None:
    """None for everybody's."""
    asking: Principal = request.user
    return None if "credentials/manage" in asking.permissions else asking.user


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CredentialNotFound from None


HANDLERS: list[Any] = [list_credentials, create_credential, revoke_credential]
