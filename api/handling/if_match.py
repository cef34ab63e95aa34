"""If-Match: a write goes in only on the version of the customer that it names."""

import re
from typing import NamedTuple

from api.handling.serving import AnyRequest
from api.http.headers import header
from api.http.refusals import BadIfMatch, Stale
from domain.refusals import CustomerNotFound
from eventstore.postgres.connection import Executor
from projections.queries.customers import find_version

# As HTTP writes them (RFC 9110), and a bare number, which many send. A proxy that compresses makes tags weak: what they
# name is still the version.
_TAG = r'(?:(?:W/)?"[!#-~\x80-\xff]*"|[0-9]+)'
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")

UNREADABLE = 'If-Match must be *, or entity tags such as "7", as the ETag of an answer about a customer says it.'
NOTHING_TO_MATCH = "If-Match names the version of one customer, and this request is not about one: send it without."


class IfMatch(NamedTuple):
    """The customer must have one of `versions`; None is any. `customer_id` is 0 if the customer does not exist."""

    customer_id: int
    versions: frozenset[str] | None

    async def require(self, on: Executor) -> None:
        """Raises Stale, CustomerNotFound."""
        if self.versions is None or not self.customer_id:
            return
        current = await find_version(on, self.customer_id)
        if current is None:
            raise CustomerNotFound
        if str(current) not in self.versions:
            raise Stale(current)


ANY = IfMatch(0, None)


def read_if_match(request: AnyRequest, customer_id: int | None) -> IfMatch:
    """Raises BadIfMatch, also where there is no customer that it could be about (None)."""
    sent = header(request.scope, b"if-match")
    if sent is None:
        return ANY
    if customer_id is None:
        raise BadIfMatch(NOTHING_TO_MATCH)
    if sent.strip() == "*":
        return ANY
    if _TAGS.fullmatch(sent) is None:
        raise BadIfMatch(UNREADABLE)
    return IfMatch(customer_id, frozenset(tag.removeprefix("W/").strip('"') for tag in re.findall(_TAG, sent)))
