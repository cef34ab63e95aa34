"""If-Match: a write goes in only on the version of the customer that it names."""

import re

from api.headers import header
from api.refusals import BadIfMatch, Stale
from api.serving import AnyRequest
from domain.refusals import CustomerNotFound
from eventstore.log import Executor
from projections.queries.customers import find_version

# As HTTP writes them (RFC 9110), and a bare number, which many send. A proxy that compresses makes tags weak: what they
# name is still the version.
_TAG = r'(?:(?:W/)?"[!#-~\x80-\xff]*"|[0-9]+)'
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")

UNREADABLE = 'If-Match must be *, or entity tags such as "7", as the ETag of an answer about a customer says it.'
NOTHING_TO_MATCH = "If-Match names the version of one customer, and this request is not about one: send it without."


def read_if_match(request: AnyRequest, customer_id: int | None) -> frozenset[str] | None:
    """The versions that will do, None for any. Raises BadIfMatch, also where there is no customer to have one."""
    sent = header(request.scope, b"if-match")
    if sent is None:
        return None
    if customer_id is None:
        raise BadIfMatch(NOTHING_TO_MATCH)
    if sent.strip() == "*":
        return None
    if _TAGS.fullmatch(sent) is None:
        raise BadIfMatch(UNREADABLE)
    return frozenset(tag.removeprefix("W/").strip('"') for tag in re.findall(_TAG, sent))


async def require_version(on: Executor, customer_id: int, expected: frozenset[str]) -> None:
    """Raises Stale, CustomerNotFound."""
    current = await find_version(on, customer_id)
    if current is None:
        raise CustomerNotFound
    if str(current) not in expected:
        raise Stale(current)
