"""What a client may send about a webhook."""

import re
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from msgspec import field

from domain.webhook import DeliveryOrder, MessageForm, WebhookSettings
from service.fields.choices import DELIVERY_ORDER, EVENT_TYPE, MESSAGE_FORM
from service.fields.compound import Chosen, Ids, Nested
from service.fields.convert import Unfit, in_short, text
from service.fields.input import Input
from service.fields.kinds import Flag, Id, Integer, Kind, Moment, OneOf, Schema, Text
from service.fields.reader import Fields

MAX_URL = 2_000
MAX_LABELS = 100
MAX_RATE = 10_000
MAX_HEADERS, MAX_HEADER_NAME, MAX_HEADER_VALUE = 20, 100, 1_000
# What every message has of its own, or what is HTTP's.
OURS = frozenset({
    "connection", "content-encoding", "content-length", "content-type", "date", "expect", "host", "keep-alive", "te",
    "proxy-connection", "trailer", "transfer-encoding", "upgrade", "user-agent",
})  # fmt: skip

# Names of hosts are of letters, digits, hyphens and, inside networks, underscores. Those of other scripts have a form
# that is of these alone, and looks like no other name.
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*\.?"
_REST = r"(:[1-9][0-9]{0,4})?([/?]([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
_ADDRESS = re.compile(rf"https?://({_HOST}|\[(?P<v6>[0-9A-Fa-f:.]+)\]){_REST}", re.ASCII | re.IGNORECASE)
LABELS = "Those who carry one of these labels; that it is taken away is sent, too. None: everybody."
_IS_NUMBER = re.compile("[0-9]+|0x[0-9a-f]*", re.ASCII)
# Also accepted: ports to 65535, IPv6 in brackets, a last label that begins with a digit and is no number.
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_DOCUMENTED = rf"(({_LABEL}\.)*{_LABEL.replace('[A-Za-z0-9_]', '[A-Za-z_]', 1)}\.?|({_OCTET}\.){{3}}{_OCTET})"
_PATTERN = rf"^https?://{_DOCUMENTED}{_REST.replace('{0,4}', '{0,3}')}$"
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?", re.ASCII)


@dataclass(frozen=True)
class Endpoint(Text):
    """An address that messages are posted to. What it leads to is checked before each connection."""

    max_length: int = MAX_URL
    pattern: ClassVar[str] = _PATTERN

    def read(self, raw: Any) -> Any:
        address = text(raw, max_length=self.max_length)
        if not _is_address(address):
            problem = "must be an http or https address of ASCII, without a user, a password and a fragment."
            raise Unfit("invalid", problem)
        return address

    @property
    def schema(self) -> Schema:
        return {"type": "string", "maxLength": self.max_length, "pattern": self.pattern}


def _is_address(text: str) -> bool:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return False
    try:
        if found["v6"]:
            IPv6Address(found["v6"])
        host = urlsplit(text).hostname or ""
        if _IS_NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):  # what has a number at its end is no name
            IPv4Address(host)
        return bool(host) and urlsplit(text).port != 0
    except ValueError:  # of an IP address, or of a port beyond the last
        return False


@dataclass(frozen=True)
class Headers(Kind):
    """Headers by name, in small letters. A value of null stays what it is."""

    _: KW_ONLY
    keeps: bool = False

    def take(self, fields: Fields, name: str, absent: Any) -> Any:
        raw = fields.get(name)
        if raw is None:
            return absent
        if isinstance(raw, dict) and len(raw) > MAX_HEADERS:
            fields.refuse(name, "max", f"may not have more than {MAX_HEADERS} entries.")
            return absent
        sent = fields.nested(name)
        headers: dict[str, str | None] = {}
        for each in sent.values:
            value = sent.get(each)
            try:
                _add(headers, each.lower(), None if value is None and self.keeps else _header_value(value))
            except Unfit as error:
                sent.refuse(in_short(each), error.rule, error.problem)
        return headers

    @property
    def schema(self) -> Schema:
        value: Schema = {"type": "string", "pattern": f"^{_VALUE.pattern}$", "maxLength": MAX_HEADER_VALUE}
        names = {"pattern": "^x-[a-z0-9-]+$", "maxLength": MAX_HEADER_NAME}  # others are accepted, but not HTTP's own
        values = {"anyOf": [value, {"type": "null"}]} if self.keeps else value
        return {"type": "object", "propertyNames": names, "additionalProperties": values, "maxProperties": MAX_HEADERS}


def _add(headers: dict[str, str | None], name: str, value: str | None) -> None:
    """Raises Unfit."""
    if len(name) > MAX_HEADER_NAME or _NAME.fullmatch(name) is None:
        raise Unfit("invalid", f"must have a name of HTTP's, no longer than {MAX_HEADER_NAME} characters.")
    if name in OURS or name.startswith("webhook-"):
        raise Unfit("invalid", "is set by the service itself.")
    if name in headers:
        raise Unfit("duplicate", "may be there only once, whatever its case.")
    headers[name] = value


def _header_value(raw: Any) -> str:
    if not isinstance(raw, str) or len(raw) > MAX_HEADER_VALUE or _VALUE.fullmatch(raw) is None:
        raise Unfit("invalid", f"must be printable ASCII, no longer than {MAX_HEADER_VALUE} characters.")
    return raw


class WantedCustomers(Input, forbid_unknown_fields=True):
    labels: Annotated[
        list[int],
        Ids(
            MAX_LABELS,
            about=LABELS,
            example=[3],
        ),
    ] = field(default_factory=list)


class WebhookFields(Input, forbid_unknown_fields=True):
    """What a webhook is set to, but for its headers."""

    url: Annotated[str, Endpoint(example="https://crm.example.com/hooks", about="ASCII, without user and fragment.")]
    description: Annotated[str, Text(255, example="CRM")] = ""
    types: Annotated[
        list[str], Chosen(EVENT_TYPE, about="Events of these types. None: all.", example=["customer-renamed"])
    ] = field(default_factory=list)
    customers: Annotated[WantedCustomers, Nested(WantedCustomers)] = field(default_factory=WantedCustomers)
    form: Annotated[
        MessageForm,
        OneOf(
            MESSAGE_FORM,
            about="Full messages have values in them, and need the permission `feeds/full`, too.",
        ),
    ] = "thin"
    order: Annotated[
        DeliveryOrder,
        OneOf(DELIVERY_ORDER, about="In order for each customer, or of all, in batches."),
    ] = "customer"
    rate: Annotated[int | None, Integer(1, MAX_RATE, about="Messages a second, at most.")] = None

    @property
    def settings(self) -> WebhookSettings:
        return self.fill(WebhookSettings, types=(*self.types,), labels=(*self.customers.labels,))


class NewWebhook(WebhookFields, forbid_unknown_fields=True):
    headers: Annotated[dict[str, str], Headers(example={"x-shop": "1"})] = field(default_factory=dict)


class ChangedWebhook(WebhookFields, forbid_unknown_fields=True):
    headers: Annotated[
        dict[str, str | None] | None,
        Headers(keeps=True, about="Absent: as they are. A value of null stays as it is.", example={"x-shop": None}),
    ] = None


class ReplayRange(Input, forbid_unknown_fields=True):
    after: Annotated[int | None, Integer(about="The position after which it begins.", example=0)] = None
    since: Annotated[datetime | None, Moment(about="In its place: the time at which it begins.")] = None
    until: Annotated[int | None, Id(about="The position of the last event; now that of the log's, if not given.")] = (
        None
    )
    dry_run: Annotated[bool, Flag(about="Only count.")] = False

    def check(self, fields: Fields) -> None:
        if (self.after is None) == (self.since is None):
            fields.refuse_unless_refused([("after", "required", "is required, or else since.")])
        if self.after is not None and self.until is not None and self.until <= self.after:
            fields.refuse_unless_refused([("until", "min", "must be greater than after.")])
