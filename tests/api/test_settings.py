from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from api.process.settings import BadSetting, RequestRate, Settings
from service.redaction import Secret
from service.relay.target import NatsTarget

ALL = {
    "DATABASE_URL": "postgresql://app:secret@db/custodiary",
    "CUSTODIARY_DATA": "/srv/custodiary",
    "STORE_URL": "https://store.example/",
    "STORE_CURRENCY": "EUR",
    "NAME_MODE": "full_name",
    "CUSTODIARY_ADMIN_PASSWORD": "abcd efgh",
    "CUSTODIARY_VERIFY_SECONDS": "1.5",
    "CUSTODIARY_CHECKPOINT_SECONDS": "60",
    "CUSTODIARY_CLIENT_SECONDS": "2.5",
    "CUSTODIARY_CORS_ORIGINS": "https://shop.example, http://localhost:3000",
    "CUSTODIARY_HSTS_SECONDS": "31536000",
    "CUSTODIARY_TRUSTED_PROXIES": "10.0.0.7, fd00::/8",
    "CUSTODIARY_RATE_LIMIT": "600/minute",
    "NATS_URL": "nats://relay:secret@a:4222,tls://b",
    "NATS_STREAM": "SHOP",
    "NATS_SUBJECT": "shop.customers",
    "NATS_FORM": "full",
    "HOME": "/root",
}


def test_everything_has_a_default() -> None:
    assert Settings.from_environment({}) == Settings(
        database_url=None,
        data=None,
        store_url="http://127.0.0.1:8000",
        store_currency="USD",
        name_mode="first_name",
        admin_password=None,
        verify_seconds=0,
        checkpoint_seconds=300,
        client_seconds=30,
        cors_origins=(),
        hsts_seconds=0,
        trusted_proxies=(),
        rate_limit=None,
        nats=None,
    )


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert Settings.from_environment(dict.fromkeys(ALL, " ")) == Settings()


def test_the_environment_says_it_all() -> None:
    assert Settings.from_environment(ALL) == Settings(
        database_url=Secret("postgresql://app:secret@db/custodiary"),
        data=Path("/srv/custodiary"),
        store_url="https://store.example",
        store_currency="EUR",
        name_mode="full_name",
        admin_password=Secret("abcd efgh"),
        verify_seconds=1.5,
        checkpoint_seconds=60,
        client_seconds=2.5,
        cors_origins=("https://shop.example", "http://localhost:3000"),
        hsts_seconds=31_536_000,
        trusted_proxies=("10.0.0.7/32", "fd00::/8"),
        rate_limit=RequestRate(600, 60),
        nats=NatsTarget(
            url=Secret("nats://relay:secret@a:4222,tls://b"), stream="SHOP", subject="shop.customers", form="full"
        ),
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://app:secret@db"),
        ("DATABASE_URL", "postgresql://app:secret@db:port/custodiary"),
        ("DATABASE_URL", "postgresql://app:sec/secret@db/custodiary"),
        ("DATABASE_URL", "postgresql://app:sec#secret@db/custodiary"),
        ("DATABASE_URL", "postgresql://app:sec@secret@db/custodiary"),
        ("DATABASE_URL", "postgresql://app:secret@[::1/custodiary"),
        ("CUSTODIARY_CLIENT_SECONDS", "0"),
        ("CUSTODIARY_CLIENT_SECONDS", "soon"),
        ("CUSTODIARY_HSTS_SECONDS", "for ever"),
        ("CUSTODIARY_CORS_ORIGINS", "*"),
        ("CUSTODIARY_CORS_ORIGINS", "https://*.shop.example"),
        ("CUSTODIARY_CORS_ORIGINS", "https://shop.example/"),
        ("CUSTODIARY_CORS_ORIGINS", "https://shop.example, shop.example"),
        ("CUSTODIARY_CORS_ORIGINS", "null"),
        ("NATS_URL", "nats.example"),
        ("NATS_URL", "nats://a, nats://relay:secret"),
        ("CUSTODIARY_RATE_LIMIT", "600"),
        ("CUSTODIARY_RATE_LIMIT", "0/minute"),
        ("CUSTODIARY_RATE_LIMIT", "1000000/second"),
        ("CUSTODIARY_RATE_LIMIT", "5/fortnight"),
        ("STORE_URL", "store.example"),
        ("STORE_URL", "https://"),
        ("STORE_URL", "https://[store"),
        ("STORE_URL", "https://store.example/?a=1"),
        ("STORE_CURRENCY", "usd"),
        ("NAME_MODE", "both"),
        ("CUSTODIARY_VERIFY_SECONDS", "-1"),
        ("CUSTODIARY_VERIFY_SECONDS", "nan"),
        ("CUSTODIARY_VERIFY_SECONDS", "1m"),
        ("CUSTODIARY_CHECKPOINT_SECONDS", "5m"),
        ("CUSTODIARY_TRUSTED_PROXIES", "*"),
        ("CUSTODIARY_TRUSTED_PROXIES", "proxy.example"),
        ("CUSTODIARY_TRUSTED_PROXIES", "10.0.0.1/8"),
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable_and_hides_the_value(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"^{variable} must ") as bad:
        Settings.from_environment({variable: value})
    assert "secret" not in str(bad.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://db",
        "postgresql:///custodiary?host=/run/postgresql",
        "postgresql://postgres@/custodiary?host=%2Ftmp%2Fa&port=5432",
        "postgresql://app:p%40:ss@one:5432,two:5433/custodiary?target_session_attrs=primary",
        "postgresql://app@[::1]:5432/custodiary",
    ],
)
def test_an_address_of_a_database_comes_in_many_forms(url: str) -> None:
    assert Settings.from_environment({"DATABASE_URL": url}).database_url == Secret(url)


@pytest.mark.parametrize(
    ("variable", "value"), [("NATS_STREAM", "A.B"), ("NATS_SUBJECT", "customers.>"), ("NATS_FORM", "fat")]
)
def test_where_events_are_relayed_to_is_looked_at_where_they_are(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"^{variable} must "):
        Settings.from_environment({"NATS_URL": "nats://a", variable: value})
    assert Settings.from_environment({variable: value}).nats is None


def test_who_gets_in_is_no_part_of_a_relays_name() -> None:
    target = Settings.from_environment(ALL).nats
    assert target is not None
    assert target.name == "nats://a:4222,tls://b/SHOP"


def test_settings_can_be_shown_without_their_secrets() -> None:
    shown = repr(Settings.from_environment(ALL))
    assert "app" not in shown
    assert "abcd" not in shown


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().store_currency = "EUR"  # type: ignore[misc]
