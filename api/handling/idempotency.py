"""Idempotency-Key: the answer to a write is kept with it for 24 hours, in the transaction of what it answers.

A refusal is not kept: nothing was done, and the same request may go in later.
"""

import re
from hashlib import blake2b
from typing import NamedTuple

import asyncpg

from api.handling.serving import AnyRequest
from api.http.answer import Answer
from api.http.headers import header
from api.http.reasons import Reason
from api.http.refusals import HttpRefusal, Invalid, Rule
from api.http.request import read_body
from domain.event import Claim
from eventstore.postgres.answers import pack, unpack
from eventstore.postgres.connection import Executor, Session

MAX_KEY = 255
FINGERPRINT_BYTES = 16  # of a digest
KEY = "[!-~]([ -~]*[!-~])?"  # printable ASCII: of other characters, headers do not say the encoding
BEGIN = "SELECT is_free, fingerprint, status, etag, body FROM begin_answer($1, $2)"
FIND = """
    SELECT fingerprint, status, etag, body FROM answers
    WHERE actor = $1 AND key = $2 AND answered_at >= now() - interval '24 hours'"""
KEEP = """
    INSERT INTO answers (actor, key, fingerprint, status, etag, body, customer_id, user_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""

RUNNING = Rule(Reason.KEY_IN_USE, "A request with this Idempotency-Key is still running.")
FORGOTTEN = Rule(Reason.ANSWER_FORGOTTEN, "The answer under this Idempotency-Key was about somebody who is erased.")
OTHER_REQUEST = Invalid(
    {"Idempotency-Key": {"unique": "This Idempotency-Key came with another request before."}}, Reason.KEY_REUSED
)


class Answered(Exception):
    """The same request was carried out before."""

    def __init__(self, response: Answer) -> None:
        super().__init__()
        self.response = response


class IdempotencyKey(NamedTuple):
    """An actor's Idempotency-Key, as a digest because it may name somebody, with the fingerprint of its request."""

    actor: str
    key: str
    fingerprint: bytes

    @property
    def claim(self) -> Claim:
        return Claim("idempotency-key", f"{self.actor}\n{self.key}")

    async def find(self, on: Executor) -> None:
        """Raises Answered, or HttpRefusal when the key came with another request."""
        self._require_new(await on.fetchrow(FIND, self.actor, self.key))

    def _require_new(self, row: asyncpg.Record | None) -> None:
        if row is None:
            return
        if not row["fingerprint"]:
            raise _anew(FORGOTTEN)
        if row["fingerprint"][:FINGERPRINT_BYTES] != self.fingerprint:
            raise _anew(OTHER_REQUEST)
        raise Answered(_replayed(row))

    async def begin(self, connection: Session) -> None:
        """Let no other request with this key in, until the transaction ends. Raises as `find`."""
        row = await connection.fetchrow(BEGIN, self.actor, self.key)
        if row and not row["is_free"]:
            raise _anew(RUNNING)
        self._require_new(row)

    async def keep(
        self, connection: Session, response: Answer, customer_id: int | None, user_id: int | None = None
    ) -> None:
        """Store the answer. The ids are of the customer or user that it is about; an erasure of either clears it."""
        told = (response.status_code, response.etag, pack(response.body))
        await connection.execute(KEEP, *self, *told, customer_id, user_id)


async def read_key(request: AnyRequest) -> IdempotencyKey | None:
    """Raises Invalid."""
    sent = header(request.scope, b"idempotency-key")
    return None if sent is None else key_of(request, sent, request.scope["query_string"], await read_body(request))


def key_of(request: AnyRequest, sent: str, *content: bytes) -> IdempotencyKey:
    """The key for a request with this content. Raises Invalid."""
    if len(sent) > MAX_KEY or re.fullmatch(KEY, sent) is None:
        problem = f"The Idempotency-Key must be 1 to {MAX_KEY} printable ASCII characters."
        raise Invalid({"Idempotency-Key": {"invalid": problem}})
    of_request = b"\n".join([request.method.encode(), request.scope["path"].encode(), *content])
    fingerprint = blake2b(of_request, digest_size=32).digest()[:FINGERPRINT_BYTES]
    return IdempotencyKey(request.user.user, blake2b(sent.encode(), digest_size=16).hexdigest(), fingerprint)


def _replayed(row: asyncpg.Record) -> Answer:
    return Answer(unpack(row["body"]), status=row["status"], etag=row["etag"], replayed=True)


def _anew(refusal: HttpRefusal) -> HttpRefusal:
    """A copy to raise: an exception that is raised twice keeps its first traceback."""
    return HttpRefusal(refusal.reason, refusal.body)
