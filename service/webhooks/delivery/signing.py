"""Signatures of Standard Webhooks: `v1` by a secret that the receiver has too, `v1a` by a pair of keys."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.webhook import SigningKeys


class Signer:
    """Signs by the keys of one endpoint: during a rotation by two, until the former ones end."""

    def __init__(self, keys: Iterable[SigningKeys]) -> None:
        self._keys = [(each.symmetric, Ed25519PrivateKey.from_private_bytes(each.private), each.until) for each in keys]

    def headers(self, id_: str, body: bytes, at: datetime) -> dict[str, str]:
        """Those that identify and sign a message which is sent at that time; `body` is sent as it is."""
        timestamp = str(int(at.timestamp()))
        signed = b".".join((id_.encode(), timestamp.encode(), body))
        signatures = [
            f"v1,{_text(hmac.digest(symmetric, signed, hashlib.sha256))} v1a,{_text(private.sign(signed))}"
            for symmetric, private, until in self._keys
            if until is None or at < until
        ]
        return {"webhook-id": id_, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def _text(signature: bytes) -> str:
    return b64encode(signature).decode()
