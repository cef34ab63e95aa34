"""Application passwords: one's own, everybody's for administrators, new ones shown once; and one's sessions."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from litestar import get, post
from litestar.params import FromPath
from msgspec import json

from api.access.sessions import ListedSession
from api.console.door import needs
from api.console.forms import NEW, FilledForm, read_form, read_sent, refused_form, submit
from api.console.pages import page, signed_in_as
from api.handling.serving import AnyRequest, serving
from api.handling.writes import nothing
from api.http.html import Html, see_other
from api.http.paths import CONSOLE
from api.http.refusals import NoRoute
from api.presentation.users import ShownCredential, credential
from api.rest.credentials import CredentialMade, CredentialToMake, making, revoking, uuid_in_path, whose
from service.credentials import passwords as credentials
from service.credentials.roles import PERMISSIONS
from service.fields.reader import UnfitFields

PATH = f"{CONSOLE}/credentials"
# Names by what stands for them in a User-Agent. Most claim to be others too: the first that is found counts.
BROWSERS = (("Firefox", "Firefox/"), ("Edge", "Edg/"), ("Chrome", "Chrome/"), ("Safari", "Safari/"))
SYSTEMS = (
    ("Android", "Android"), ("iOS", "iPhone"), ("iPadOS", "iPad"), ("Windows", "Windows"), ("macOS", "Mac OS"),
    ("Linux", "Linux"),
)  # fmt: skip


class ShownSession(NamedTuple):
    """`id` is a part of its digest, enough to find it among one's own."""

    id: str
    session: ListedSession
    is_this: bool

    @property
    def browser(self) -> str:
        """Its name and system, as far as it tells them."""
        agent = self.session.user_agent
        names = [next((name for name, mark in marks if mark in agent), "") for marks in (BROWSERS, SYSTEMS)]
        return " on ".join(filter(None, names)) or agent or "unknown"


class CredentialsView(NamedTuple):
    """`last` is the uuid of one's own last, which is revoked with its name typed."""

    credentials: list[ShownCredential]
    own: str
    last: str
    sessions: list[ShownSession]
    form: FilledForm


class NewCredentialView(NamedTuple):
    form: FilledForm
    roles: Sequence[tuple[str, str]]
    permissions: list[str]


class MadeView(NamedTuple):
    """The password is None where the form was sent again: it is shown once."""

    login: str
    name: str
    password: str | None


@get("/credentials", opt=needs("credentials/own"))
async def show_credentials(request: AnyRequest) -> Html:
    return await _shown(request, NEW)


async def _shown(request: AnyRequest, form: FilledForm) -> Html:
    found = await credentials.listed(serving(request).store.pool, whose(request))
    own = [each for each in found if each.login == request.user.user]
    last = str(own[0].uuid) if len(own) == 1 else ""
    sessions = await _sessions(request)
    view = CredentialsView(list(map(credential, found)), request.user.user, last, sessions, form)
    return page(request, "credentials.html", view, status=form.status, api="/credentials")


async def _sessions(request: AnyRequest) -> list[ShownSession]:
    here = signed_in_as(request)
    listed = await serving(request).authenticator.sessions.listed(request.user.user)
    return [ShownSession(each.digest.hex(), each, here is not None and each.digest == here.digest) for each in listed]


@get("/credentials/new", opt=needs("credentials/manage"))
async def show_new_credential(request: AnyRequest) -> Html:
    return _new(request, NEW)


def _new(request: AnyRequest, form: FilledForm) -> Html:
    roles = [(role, role.capitalize()) for role in PERMISSIONS]
    view = NewCredentialView(form, roles, sorted(PERMISSIONS["administrator"]))
    return page(request, "credential_new.html", view, status=form.status)


@post("/credentials", status_code=200, opt=needs("credentials/manage"))
async def make_credential(request: AnyRequest) -> Html:
    """The page that shows it: it can't be gone to a second time."""
    made: list[CredentialMade] = []
    if (form := await refused_form(request, lambda: _make(request, made))) is not None:
        return _new(request, form)
    shown = made[0].data
    return page(request, "credential_made.html", MadeView(shown.login, shown.name, shown.password))


async def _make(request: AnyRequest, made: list[CredentialMade]) -> None:
    wanted = await read_form(request, CredentialToMake)
    answered = await submit(request, nothing, making(request, wanted))
    made.append(json.decode(answered.body, type=CredentialMade))


@post("/credentials/{uuid:str}/revoke", status_code=303, opt=needs("credentials/own"))
async def revoke_credential(request: AnyRequest, uuid: FromPath[str]) -> Html:
    """Its sessions end with it, this one too if it came of it."""
    form = await refused_form(request, lambda: _revoke(request, uuid))
    await credentials.everywhere()
    return see_other(PATH) if form is None else await _shown(request, form)


async def _revoke(request: AnyRequest, uuid: str) -> None:
    """Raises UnfitFields where it is one's own last, and its name was not typed."""
    own = await credentials.listed(serving(request).store.pool, request.user.user)
    typed = str((await read_sent(request)).get("typed", "")).strip()
    if [each.uuid for each in own] == [uuid_in_path(uuid)] and typed != own[0].name:
        raise UnfitFields({"typed": {"in": "This is your last application password: type its name to revoke it."}})
    await submit(request, nothing, revoking(request, uuid))


@post("/credentials/sessions/{session_id:str}/end", status_code=303, opt=needs("credentials/own"))
async def end_session(request: AnyRequest, session_id: FromPath[str]) -> Html:
    """One of one's own; with `others` all of them but this."""
    sessions, here = serving(request).authenticator.sessions, signed_in_as(request)
    if session_id == "others":
        await sessions.end(request.user.user, None, but=here.digest if here else b"")
    else:
        await sessions.end(request.user.user, _digest(session_id))
    await credentials.everywhere()
    return see_other(PATH)


def _digest(text: str) -> bytes:
    with suppress(ValueError):
        return bytes.fromhex(text)
    raise NoRoute


ROUTES: list[Any] = [
    show_credentials, show_new_credential, make_credential, revoke_credential, end_session,
]  # fmt: skip
