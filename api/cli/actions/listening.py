"""Where the service is to listen, and whether it can."""

import errno
import os
import socket
from ipaddress import ip_address
from typing import NamedTuple

import typer

from api.cli.terminal import exits
from api.cli.terminal.typed import typed_again

MADE_RUN = "CUSTODIARY_MADE_RUN"  # set by `make run`, whose user does not know the command behind it
LOOKED_AT = 100  # ports above the one that is taken


class ListeningAddress(NamedTuple):
    host: str
    ip: str
    port: int

    @property
    def url(self) -> str:
        """Where a client on this machine finds it."""
        host = self.host
        if ip_address(self.ip.partition("%")[0]).is_unspecified:
            host = "::1" if ":" in self.ip else "127.0.0.1"
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return ip_address(self.ip.partition("%")[0]).is_loopback


def address_of(host: str, port: int) -> ListeningAddress:
    """Ends the command when nobody can listen there. Granian would share the port with another granian."""
    try:
        ip = _tried(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            exits.end(exits.BUSY, f"Port {port} of {host} is taken by another program.{_instead(host, port)}")
        raise typer.BadParameter(f"Nobody can listen on {host} port {port} here: {error.strerror}.") from error
    return ListeningAddress(host, ip, port)


def _tried(host: str, port: int) -> str:
    (family, _type, _protocol, _name, address), *_others = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
    return str(address[0])


def _instead(host: str, port: int) -> str:
    """What to type, with a port that is free now."""
    for other in range(port + 1, min(port + LOOKED_AT, 65_535) + 1):
        try:
            _tried(host, other)
        except OSError:
            continue
        if os.environ.get(MADE_RUN):
            return f" Type `make run PORT={other}` instead."
        return f" Type `{typed_again('--port', other)}` instead."
    return ""
