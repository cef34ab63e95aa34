"""Settings from the environment. An empty variable is one that is not set."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, cast, get_args
from urllib.parse import urlsplit

from domain.value import DEFAULT_CURRENCY, is_currency
from domain.webhook import MessageForm
from service.redaction import Secret
from service.relay.target import NatsTarget

NameMode: TypeAlias = Literal["first_name", "full_name"]

_HOST = r"(?:\[[^][@/?#]+\]|[^][@:/?#,]*)(?::[0-9]{1,5})?"
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?", re.ASCII)
_NATS_URL = re.compile(rf"(?:nats|tls)://(?:[^@/?#,]*@)?{_HOST}")
_DATABASE_URL = re.compile(rf"postgres(?:ql)?://(?:[^@/?#]*@)?{_HOST}(?:,{_HOST})*(?:[/?].*)?")


class RequestRate(NamedTuple):
    """`requests` in `seconds`: all at once, then one for each step of time."""

    requests: int
    seconds: int

    @property
    def step(self) -> float:
        return self.seconds / self.requests


class BadSetting(ValueError):
    """variable, problem: what is wrong, never the value, which may be a secret."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable} {problem}")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`store_url` has no slash at its end; without a `database_url` the service runs its own PostgreSQL in `data`, or,
    where that is not said either, in the nearest `.custodiary` upwards.

    Every `verify_seconds` a few customers' figures are verified, every `checkpoint_seconds` what is new in the log is
    signed; 0 is never. A client may take `client_seconds` to send its headers, the same for its body, and between two
    requests. Browsers of `cors_origins` may read answers, and are told to insist on TLS for `hsts_seconds`.
    `trusted_proxies` are addresses and networks, `rate_limit` is for each credential. Webhooks may go to networks of
    `webhook_allow`, and pause after nothing but failures for `webhook_patience`.
    """

    database_url: Secret | None = None
    data: Path | None = None
    store_url: str = "http://127.0.0.1:8000"
    store_currency: str = DEFAULT_CURRENCY
    name_mode: NameMode = "first_name"
    admin_password: Secret | None = None
    verify_seconds: float = 0
    checkpoint_seconds: float = 300
    client_seconds: float = 30
    cors_origins: tuple[str, ...] = ()
    hsts_seconds: int = 0
    trusted_proxies: tuple[str, ...] = ()
    rate_limit: RequestRate | None = None
    nats: NatsTarget | None = None
    webhook_allow: tuple[str, ...] = ()
    webhook_patience: timedelta = timedelta(days=5)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Raises BadSetting, which names the variable."""
        given = {name: value.strip() for name, value in environment.items() if value.strip()}
        return cls(
            database_url=_database_url(given.get("DATABASE_URL")),
            data=Path(given["CUSTODIARY_DATA"]) if "CUSTODIARY_DATA" in given else None,
            store_url=_store_url(given.get("STORE_URL", cls.store_url)),
            store_currency=_currency(given.get("STORE_CURRENCY", cls.store_currency)),
            name_mode=_name_mode(given.get("NAME_MODE", cls.name_mode)),
            admin_password=_secret(given.get("CUSTODIARY_ADMIN_PASSWORD")),
            verify_seconds=_seconds(given, "CUSTODIARY_VERIFY_SECONDS", "0"),
            checkpoint_seconds=_seconds(given, "CUSTODIARY_CHECKPOINT_SECONDS", "300"),
            client_seconds=_client_seconds(given),
            cors_origins=_origins(given.get("CUSTODIARY_CORS_ORIGINS", "")),
            rate_limit=_rate(given.get("CUSTODIARY_RATE_LIMIT")),
            hsts_seconds=int(_seconds(given, "CUSTODIARY_HSTS_SECONDS", "0")),
            nats=_nats(given),
            trusted_proxies=_networks(given, "CUSTODIARY_TRUSTED_PROXIES"),
            webhook_allow=_networks(given, "WEBHOOK_ALLOW"),
            webhook_patience=_patience(given.get("WEBHOOK_PATIENCE", "5 days")),
        )


def _secret(value: str | None) -> Secret | None:
    return None if value is None else Secret(value)


def _database_url(value: str | None) -> Secret | None:
    """What asyncpg would stumble over, with a part of the password in its message."""
    if value is not None and not _DATABASE_URL.fullmatch(value):
        form = "must be like postgresql://user:password@host:5432/database"
        raise BadSetting("DATABASE_URL", f"{form}; in a password @ / ? # are written %40 %2F %3F %23")
    return _secret(value)


def _store_url(value: str) -> str:
    problem = "must be an address such as https://store.example, without query or fragment"
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise BadSetting("STORE_URL", problem) from error
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise BadSetting("STORE_URL", problem)
    return value.rstrip("/")


def _currency(value: str) -> str:
    if not is_currency(value):
        raise BadSetting("STORE_CURRENCY", "must be three capital letters such as USD")
    return value


def _name_mode(value: str) -> NameMode:
    if value not in {"first_name", "full_name"}:
        raise BadSetting("NAME_MODE", "must be first_name or full_name")
    return cast("NameMode", value)


def _seconds(given: Mapping[str, str], variable: str, default: str) -> float:
    value = given.get(variable, default)
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII):
        raise BadSetting(variable, "must be a number of seconds, or 0 for never")
    return float(value)


def _client_seconds(given: Mapping[str, str]) -> float:
    seconds = _seconds(given, "CUSTODIARY_CLIENT_SECONDS", "30")
    if seconds < 1:
        raise BadSetting("CUSTODIARY_CLIENT_SECONDS", "must be at least 1")
    return seconds


def _nats(given: Mapping[str, str]) -> NatsTarget | None:
    """Where events are relayed to, if anywhere."""
    if (url := given.get("NATS_URL")) is None:
        return None
    if not all(map(_NATS_URL.fullmatch, url.split(","))):
        raise BadSetting("NATS_URL", "must be like nats://host:4222 or tls://user:password@host, several with commas")
    stream, subject = given.get("NATS_STREAM", "CUSTOMERS"), given.get("NATS_SUBJECT", "customers")
    form = given.get("NATS_FORM", "thin")
    if not re.fullmatch(r"[\w-]+", stream, re.ASCII):
        raise BadSetting("NATS_STREAM", "must be letters, digits, - and _")
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", subject, re.ASCII):
        raise BadSetting("NATS_SUBJECT", "must be letters, digits, - and _, in parts with dots between")
    if form not in get_args(MessageForm):
        raise BadSetting("NATS_FORM", "must be thin or full")
    return NatsTarget(url=Secret(url), stream=stream, subject=subject, form=cast("MessageForm", form))


def _rate(value: str | None) -> RequestRate | None:
    if value is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,5})/(second|minute|hour)", value)
    if found is None:
        raise BadSetting("CUSTODIARY_RATE_LIMIT", "must be like 600/minute: up to 999999 a second, minute or hour")
    return RequestRate(int(found[1]), _SECONDS[found[2]])


def _origins(value: str) -> tuple[str, ...]:
    """No wildcard in them: a list of those that are meant is short."""
    origins = tuple(origin.strip() for origin in value.split(",") if origin.strip())
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise BadSetting("CUSTODIARY_CORS_ORIGINS", "must be like https://shop.example, several with commas between")
    return origins


def _networks(given: Mapping[str, str], variable: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(each.strip())) for each in given.get(variable, "").split(",") if each.strip())
    except ValueError as error:
        raise BadSetting(variable, "must be addresses or networks such as 10.0.0.7,10.1.0.0/16") from error


def _patience(value: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,3}) (minute|hour|day)s?", value)
    if found is None:
        raise BadSetting("WEBHOOK_PATIENCE", "must be like 5 days: minutes, hours or days, up to 9999")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
