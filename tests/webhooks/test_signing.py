"""Messages are signed as Standard Webhooks says, and receivers can verify them by the tools that are there."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from domain.webhook import SigningKeys
from service.webhooks.delivery.signing import Signer

BODY = '{"type": "customer-registered", "name": "Zoë"}'.encode()


def keys(number: int, until: datetime | None = None) -> SigningKeys:
    private = Ed25519PrivateKey.from_private_bytes(bytes([number] * 32))
    return SigningKeys(
        symmetric=bytes([number] * 24),
        private=private.private_bytes_raw(),
        public=private.public_key().public_bytes_raw(),
        until=until,
    )


def whsec(number: int) -> str:
    return "whsec_" + b64encode(keys(number).symmetric).decode()


def verify_pair(public: bytes, headers: dict[str, str], body: bytes) -> None:
    """What a receiver does that has the public key only. Raises InvalidSignature."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    signatures = [each.removeprefix("v1a,") for each in headers["webhook-signature"].split() if each.startswith("v1a,")]
    assert signatures
    for signature in signatures:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(b64decode(signature), signed)
        except InvalidSignature:
            continue
        return
    raise InvalidSignature


def test_a_message_is_verified_by_the_package_of_the_standard() -> None:
    headers = Signer([keys(1)]).headers("7-12", BODY, datetime.now(UTC))
    Webhook(whsec(1)).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(whsec(1)).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(whsec(2)).verify(BODY, headers)


def test_a_message_is_verified_by_the_public_key_alone() -> None:
    headers = Signer([keys(1)]).headers("7-12", BODY, datetime.now(UTC))
    verify_pair(keys(1).public, headers, BODY)
    with pytest.raises(InvalidSignature):
        verify_pair(keys(1).public, headers, BODY + b" ")
    with pytest.raises(InvalidSignature):
        verify_pair(keys(2).public, headers, BODY)


def test_during_a_rotation_both_keys_sign_and_afterwards_the_new_one_alone() -> None:
    now = datetime.now(UTC)
    signer = Signer([keys(2), keys(1, until=now + timedelta(hours=1))])
    during = signer.headers("7-12", BODY, now)
    for number in (1, 2):
        Webhook(whsec(number)).verify(BODY, during)
        verify_pair(keys(number).public, during, BODY)
    after = signer.headers("7-12", BODY, now + timedelta(hours=1))
    assert len(after["webhook-signature"].split()) == 2
    verify_pair(keys(2).public, after, BODY)
    with pytest.raises(InvalidSignature):
        verify_pair(keys(1).public, after, BODY)


def test_the_time_of_a_message_is_when_it_is_sent() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)
    assert Signer([keys(1)]).headers("7-12", BODY, at)["webhook-timestamp"] == "1767323045"
