"""Who is let in, by the Authorization header of a request."""

import time
from hashlib import blake2b
from typing import NamedTuple

from api.auth import CredentialLookup, Principal, authenticate, read_authorization
from api.credentials import TRUSTED
from api.refusals import Unauthenticated

MAX_KNOWN = 10_000
# Goes on while the machine sleeps, where there is such a clock.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Known(NamedTuple):
    principal: Principal
    until: float


class Door:
    """Remembers, for less than the time that a revocation takes to be answered, whom it has let in."""

    def __init__(self, find: CredentialLookup, key: bytes) -> None:
        self._find = find
        self._key = key
        self._known: dict[bytes, Known] = {}

    async def let_in(self, authorization: str | None) -> Principal:
        """Raises Unauthenticated."""
        if authorization is None:
            raise Unauthenticated
        mark = blake2b(authorization.encode(), key=self._key, digest_size=32).digest()
        began = time.clock_gettime(CLOCK)  # before the question: what is answered was true at some time after
        known = self._known.get(mark)
        if known is not None and began < known.until:
            return known.principal
        principal = await authenticate(read_authorization(authorization), self._find, self._key)
        if len(self._known) >= MAX_KNOWN:  # one password can be written in many ways
            self._known.clear()
        self._known[mark] = Known(principal, began + TRUSTED)
        return principal
