"""Forms: read as REST reads its bodies, carried out once for the page that they are on, and shown again if refused."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, TypeVar

from msgspec import json

from api.handling.errors import in_words
from api.handling.idempotency import key_of
from api.handling.if_match import ANY, OF_CUSTOMER, OF_WEBHOOK, IfMatch
from api.handling.refusal_table import REFUSALS
from api.handling.serving import AnyRequest
from api.handling.writes import Conditions, Outcome, carry_out
from api.http.answer import Answer
from api.http.headers import header
from api.http.reasons import Reason
from api.http.refusals import AtTheDoor, HttpRefusal, Invalid
from api.http.request import parse_body, read_body
from eventstore.postgres.connection import Session
from eventstore.store import Unit
from service.fields.convert import Repeated
from service.fields.input import Input
from service.fields.reader import Errors, Fields

T = TypeVar("T")
InputT = TypeVar("InputT", bound=Input)

SENT = "sent"  # in a request's state
# What pages put into each form, beside what it is about.
CSRF, KEY, VERSION = "csrf", "key", "version"
REFUSED: tuple[type[Exception], ...] = (*REFUSALS, HttpRefusal)
ANSWERED_IN_PLACE = frozenset({400, 403, 404, 409, 410, 412, 422})


class FilledForm(NamedTuple):
    """A form as a page shows it: new, or again with what was sent and why it was refused."""

    values: Mapping[str, Any]
    errors: Errors
    refusal: HttpRefusal | None

    @property
    def status(self) -> int:
        return self.refusal.status if self.refusal else 200

    @property
    def is_late(self) -> bool:
        """Somebody else was faster."""
        return self.refusal is not None and self.refusal.reason is Reason.VERSION_CHANGED

    @property
    def problem(self) -> str:
        """What is wrong with it as a whole."""
        return self.refusal.body.message if self.refusal and not self.errors else ""

    @property
    def first_wrong(self) -> str:
        return next(iter(self.errors), "")

    def value(self, name: str, otherwise: Any = "") -> Any:
        """What was sent in this field, or what the page has for it."""
        return self.values.get(name, "") if self.refusal else otherwise

    def problems(self, name: str) -> list[str]:
        return [*self.errors.get(name, {}).values()]


NEW = FilledForm({}, {}, None)


async def read_sent(request: AnyRequest) -> Mapping[str, Any]:
    """The fields of the request's form, and of nothing else. Raises as `read_input`."""
    state = request.scope["state"]
    if SENT not in state:
        body = (await read_body(request)).replace(b"%0D%0A", b"%0A")  # browsers send no line break as it was typed
        state[SENT] = parse_body(body, header(request.scope, b"content-type") or "")
    sent: Mapping[str, Any] = state[SENT]
    return sent


async def read_form(request: AnyRequest, type_: type[InputT], name_mode: str = "", **instead: Any) -> InputT:
    """The form as the input that REST takes, with other values for some of its fields. Raises as `read`."""
    return type_.checked(Fields(_own(await read_sent(request)) | instead), name_mode)


async def submit(
    request: AnyRequest,
    work: Callable[[Unit], Awaitable[T]],
    show: Callable[[Session, T], Awaitable[Outcome]] | None = None,
    *,
    customer_id: int | None = None,
    webhook_id: int | None = None,
    within: Callable[[], AbstractContextManager[None]] = nullcontext,
    again: Collection[str] = (),
) -> Answer:
    """Carries out a form as `carry_out` does a request: once for its hidden `key`, on its hidden `version` alone."""
    sent = await read_sent(request)
    key, version = sent.get(KEY), sent.get(VERSION)
    about, of = (webhook_id, OF_WEBHOOK) if webhook_id else (customer_id, OF_CUSTOMER)
    conditions = Conditions(
        IfMatch(about, frozenset([str(version)]), of) if about and version else ANY,
        key_of(request, str(key), json.encode(_own(sent), enc_hook=_each, order="sorted")) if key else None,
    )
    return await carry_out(
        request, work, show or _nothing, customer_id=customer_id, within=within, again=again, conditions=conditions
    )


async def refused_form(request: AnyRequest, act: Callable[[], Awaitable[object]]) -> FilledForm | None:
    """The form to show again, if it was refused; None when it was carried out. Others than its own refusals go on."""
    try:
        await act()
    except REFUSED as error:
        refusal = in_words(REFUSALS, error)
        if isinstance(refusal, AtTheDoor) or refusal.status not in ANSWERED_IN_PLACE:
            raise
        errors = refusal.errors if isinstance(refusal, Invalid) else {}
        return FilledForm(_own(await read_sent(request)), errors, refusal)
    return None


def _own(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sent.items() if name not in {CSRF, KEY, VERSION}}


def _each(repeated: Repeated) -> list[str]:
    """A field that was sent more than once."""
    return repeated.all


async def _nothing(_session: Session, _result: object) -> Outcome:
    return Outcome(None)
