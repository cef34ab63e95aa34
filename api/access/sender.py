"""Where a request comes from: the other end of the connection, or behind proxies that are trusted, who they say."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from granian.utils.proxies import wrap_asgi_with_proxy_headers
from litestar.types import ASGIApp, Scope

from service.redaction import Personal

ONE_HOLDER = 64  # bits of an IPv6 address: within them, whoever has one has all


class Sender(NamedTuple):
    """An address, and the network that surely is one and the same holder's."""

    address: Personal
    network: Personal


UNKNOWN = Sender(Personal("unknown"), Personal("unknown"))


def behind(proxies: Sequence[str], app: ASGIApp) -> ASGIApp:
    """The application, which goes by X-Forwarded-For when a request comes from one of these addresses or networks."""
    if not proxies:
        return app
    wrapped: ASGIApp = wrap_asgi_with_proxy_headers(app, list(proxies))
    return wrapped


def sender(scope: Scope) -> Sender:
    client = scope.get("client")
    return _sender(client[0]) if client else UNKNOWN


def is_loopback(sent_from: Sender) -> bool:
    return sent_from != UNKNOWN and ip_address(sent_from.address.reveal()).is_loopback


@lru_cache(1_000)  # reading an address takes longer than letting its request in
def _sender(host: str) -> Sender:
    try:
        address = ip_address(host)
    except ValueError:  # a proxy may say anything
        return UNKNOWN
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            network = ip_network((address, ONE_HOLDER), strict=False)
            return Sender(Personal(str(address)), Personal(str(network)))
        address = address.ipv4_mapped
    return Sender(Personal(str(address)), Personal(str(address)))
