"""Which addresses webhooks may go to: those of the public internet, and networks that the settings name.

The guard makes the sockets of all connections, so what it has checked is what is connected to, whatever a name server
answers the next time. Certificate, SNI and Host stay those of the name.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

from aiohttp.connector import AddrInfoType

Address: TypeAlias = IPv4Address | IPv6Address

# Public by their numbers, and yet not of the internet: IETF's own, relays of 6to4, Azure's metadata.
NOT_PUBLIC = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2002::/16")))
UNICAST = ip_network("2000::/3")  # all that is given out of IPv6
NAT64 = ip_network("64:ff9b::/96")


class ForbiddenAddress(OSError):
    """The address is not one of the public internet, and no setting names its network."""


class Guard:
    """`allowed` are networks such as "10.1.0.0/16", to which webhooks may go besides."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = [ip_network(each) for each in allowed]

    def permits(self, address: str) -> bool:
        at = _embedded(ip_address(address.partition("%")[0]))
        return any(at in network for network in self._allowed) or _is_public(at)

    def socket(self, info: AddrInfoType) -> socket.socket:
        """What aiohttp connects with to an address that it has resolved. Raises ForbiddenAddress."""
        family, kind, protocol, _name, address = info
        if not self.permits(str(address[0])):
            raise ForbiddenAddress("its address is not one that webhooks may go to")
        return socket.socket(family, kind, protocol)


def _embedded(at: Address) -> Address:
    """The address of version 4 that one of version 6 leads to, if it does."""
    if isinstance(at, IPv6Address):
        if at.ipv4_mapped is not None:
            return at.ipv4_mapped
        if at in NAT64:
            return IPv4Address(at.packed[-4:])
    return at


def _is_public(at: Address) -> bool:
    if at.is_multicast or not at.is_global or any(at in network for network in NOT_PUBLIC):
        return False
    return at.version == 4 or at in UNICAST
