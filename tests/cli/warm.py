"""A process that has imported the command line and becomes each command that it is sent: `python -m tests.cli.warm 7`.

Importing takes a command a second, and is the same for all. What a command is given and does is its own, from a fork to
its exit: arguments, environment, directory, standard files and session.
"""

import atexit
import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from select import select
from typing import IO, NamedTuple

from msgspec import json

ROOT = Path(__file__).parents[2]
# Not what serves: it sets up what is counted before that is imported.
MODULES = [
    f"api.cli.actions.{path.stem}" for path in (ROOT / "api/cli/actions").glob("[!_]*.py") if path.stem != "serve"
]
ACTIONS = {path.stem for path in (ROOT / "api/cli/actions").glob("[!_]*.py")}
MOST = 1 << 20  # bytes of what a command is given


class Given(NamedTuple):
    arguments: Sequence[str]
    environment: Mapping[str, str]
    directory: str


def carry_out(given: Given, stdout: IO[str], stderr: IO[str], seconds: float) -> int:
    """Run a command to its end: its exit code, negative for the signal that killed it. Raises TimeoutExpired."""
    ended, tells = os.pipe()
    try:
        with Path(os.devnull).open() as stdin:
            files = [file.fileno() for file in (stdin, stdout, stderr)]
            socket.send_fds(_server(), [json.encode(given)], [*files, tells])
    finally:
        os.close(tells)
    with os.fdopen(ended) as answer:
        if not select([answer], [], [], seconds)[0]:
            raise subprocess.TimeoutExpired(list(given.arguments), seconds)
        return int(answer.read())


@cache
def _server() -> socket.socket:
    """What it is sent to, by this process and nobody else; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.cli.warm", str(theirs.fileno())]
        server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
    atexit.register(server.wait)
    atexit.register(ours.close)  # which is done first, and which it ends for
    return ours


def become_a_command(channel: socket.socket) -> None:
    """Return in each process that is to be one; end with whoever sends them."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for commands
    while True:
        message, files, _, _ = socket.recv_fds(channel, MOST, 4)
        if not message:
            sys.exit()
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    channel.close()
    *standard, tells = files
    if command := os.fork():
        _, status = os.waitpid(command, 0)
        os.write(tells, str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    os.close(tells)
    os.setsid()
    for number, file in enumerate(standard):
        os.dup2(file, number)
        os.close(file)
    given = json.decode(message, type=Given)
    os.environ.clear()
    os.environ.update(given.environment)
    os.chdir(given.directory)
    sys.argv = list(given.arguments)


if __name__ == "__main__":
    for action in ACTIONS - {"serve"}:  # which imports what counts only when it has set that up
        import_module(f"api.cli.actions.{action}")
    for name in [name for name in sys.modules if f"{name}.".startswith("api.cli.")]:
        del sys.modules[name]  # they look at their terminal when they are imported
    gc.freeze()
    become_a_command(socket.socket(fileno=int(sys.argv[1])))
    import_module("api.cli").main()
