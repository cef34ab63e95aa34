"""If-Match: a write goes in only on the version that it names, of the customer or webhook that it is about."""

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from api.handling.serving import AnyRequest
from api.http.headers import header
from api.http.refusals import BadIfMatch, Stale
from domain.refusals import CustomerNotFound, WebhookNotFound
from eventstore.postgres.connection import Executor
from projections.queries.customers import find_version
from projections.queries.webhooks import find_webhook_version

# As HTTP writes them (RFC 9110), and a bare number, which many send. A proxy that compresses makes tags weak: what they
# name is still the version.
_TAG = r'(?:(?:W/)?"[!#-~\x80-\xff]*"|[0-9]+)'
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")

UNREADABLE = 'If-Match must be *, or entity tags such as "7", as the ETag of an answer about a customer says it.'
NOTHING_TO_MATCH = (
    "If-Match names a version of one customer or webhook, and this request is about none: send it without."
)


class Versioned(NamedTuple):
    """Things that have versions: what people call one, how its version is found, and what is raised without one."""

    name: str
    find: Callable[[Executor, int], Awaitable[int | None]]
    missing: type[Exception]


OF_CUSTOMER = Versioned("customer", find_version, CustomerNotFound)
OF_WEBHOOK = Versioned("webhook", find_webhook_version, WebhookNotFound)


class IfMatch(NamedTuple):
    """What has this id must have one of `versions`; None is any. The id is 0 if it does not exist."""

    id: int
    versions: frozenset[str] | None
    of: Versioned = OF_CUSTOMER

    async def require(self, on: Executor) -> None:
        """Raises Stale, CustomerNotFound, WebhookNotFound."""
        if self.versions is None or not self.id:
            return
        current = await self.of.find(on, self.id)
        if current is None:
            raise self.of.missing
        if str(current) not in self.versions:
            raise Stale(current, self.of.name)


ANY = IfMatch(0, None)


def read_if_match(request: AnyRequest, id_: int | None, of: Versioned = OF_CUSTOMER) -> IfMatch:
    """Raises BadIfMatch, also where there is nothing that it could be about (None)."""
    sent = header(request.scope, b"if-match")
    if sent is None:
        return ANY
    if id_ is None:
        raise BadIfMatch(NOTHING_TO_MATCH)
    if sent.strip() == "*":
        return ANY
    if _TAGS.fullmatch(sent) is None:
        raise BadIfMatch(UNREADABLE)
    return IfMatch(id_, frozenset(tag.removeprefix("W/").strip('"') for tag in re.findall(_TAG, sent)), of)
