"""Where the service is to listen, and whether it can."""

import errno
import socket
from typing import NamedTuple

import typer

from api.cli import exits


class Address(NamedTuple):
    host: str
    ip: str
    port: int

    @property
    def url(self) -> str:
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


def address_of(host: str, port: int) -> Address:
    """Ends the command when nobody can listen there. Granian would share the port with another granian."""
    try:
        (family, _type, _protocol, _name, address), *_others = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            exits.end(exits.BUSY, f"another program listens on {host} port {port}; choose another --port")
        raise typer.BadParameter(f"Nobody can listen on {host} port {port} here: {error.strerror}.") from error
    return Address(host, str(address[0]), port)
