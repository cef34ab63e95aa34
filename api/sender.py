"""Where a request comes from: the other end of the connection, or behind proxies that are trusted, who they say."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from granian.utils.proxies import wrap_asgi_with_proxy_headers
from litestar.types import ASGIApp, Scope

UNKNOWN = "unknown"
ONE_HOLDER = 64  # bits of an IPv6 address: within them, whoever has one has all


class Sender(NamedTuple):
    """An address, and the network that surely is one and the same holder's."""

    address: str
    network: str


def behind(proxies: Sequence[str], app: ASGIApp) -> ASGIApp:
    """The application, which goes by X-Forwarded-For when a request comes from one of these addresses or networks."""
    if not proxies:
        return app
    wrapped: ASGIApp = wrap_asgi_with_proxy_headers(app, list(proxies))
    return wrapped


def sender(scope: Scope) -> Sender:
    client = scope.get("client")
    try:
        address = ip_address(client[0]) if client else None
    except ValueError:  # a proxy may say anything
        address = None
    if address is None:
        return Sender(UNKNOWN, UNKNOWN)
    if not isinstance(address, IPv6Address):
        return Sender(str(address), str(address))
    if address.ipv4_mapped:
        return Sender(str(address.ipv4_mapped), str(address.ipv4_mapped))
    return Sender(str(address), str(ip_network((address, ONE_HOLDER), strict=False)))
