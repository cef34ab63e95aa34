"""`custodiary` in a process of its own, with no settings but those that a test gives it."""

import os
import pty
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any

from msgspec import json

from tests.cli.warm import Given, carry_out

COMMAND = Path(sys.executable).with_name("custodiary")
SETTINGS = (
    "DATABASE_URL", "CUSTODIARY_DATA", "STORE_URL", "STORE_CURRENCY", "NAME_MODE", "CUSTODIARY_ADMIN_PASSWORD",
    "CUSTODIARY_VERIFY_SECONDS", "CUSTODIARY_CLIENT_SECONDS", "CUSTODIARY_CORS_ORIGINS", "CUSTODIARY_HSTS_SECONDS",
    "MASTER_KEY", "MASTER_KEY_FILE",
    "CUSTODIARY_CHECKPOINT_SECONDS", "SIGNING_KEY", "SIGNING_KEY_FILE",
    "CUSTODIARY_RATE_LIMIT", "NATS_URL", "NATS_STREAM", "NATS_SUBJECT", "NATS_FORM",
)  # fmt: skip
PATIENCE = 180  # seconds, after which what must end is said not to
NOWHERE = Path(tempfile.gettempdir())  # where nothing lies that a command could find by chance


class Process:
    """A process in a session of its own, as in a terminal. `settings` are environment variables, among them PWD."""

    def __init__(self, *arguments: object, **settings: object) -> None:
        # A file: nobody reads a pipe while the process runs, and one that is full would stop it.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - until its end
        self._ended: Ended | None = None
        self.process = subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            env=_environment(settings),
            cwd=str(settings.get("PWD", NOWHERE)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )

    def lines_until(self, last: str) -> list[str]:
        """What it says, up to a line that begins so; all, if it ends without it."""
        assert self.process.stdout
        said: list[str] = []
        deadline = Timer(PATIENCE, self.process.kill)
        deadline.start()
        for line in iter(self.process.stdout.readline, ""):
            said.append(line.rstrip("\n"))
            if line.startswith(last):
                break
        deadline.cancel()
        return said

    def press_ctrl_c(self) -> None:
        """Signals all processes in the foreground, as a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def kill(self) -> "Ended":
        self.process.kill()
        return self.end()

    def end(self) -> "Ended":
        if self._ended is None:
            stdout, _ = self.process.communicate(timeout=PATIENCE)
            with self._errors as errors:
                errors.seek(0)
                self._ended = Ended(self.process.returncode, stdout, errors.read())
        return self._ended


class Ended:
    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    @property
    def json(self) -> Any:
        return json.decode(self.stdout)

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()

    @property
    def complaint(self) -> tuple[int, str]:
        """The exit code, and the one line that says what is wrong."""
        assert not self.stdout
        assert self.stderr.count("\n") == 1, self.stderr
        return self.code, self.stderr.removeprefix("custodiary: ").rstrip("\n")


def custodiary(*arguments: object, **settings: object) -> Ended:
    """Run it to its end."""
    if "serve" in arguments:
        return Process(*arguments, **settings).end()
    given = Given([str(COMMAND), *map(str, arguments)], _environment(settings), str(settings.get("PWD", NOWHERE)))
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        code = carry_out(given, stdout, stderr, PATIENCE)
        stdout.seek(0)
        stderr.seek(0)
        return Ended(code, stdout.read(), stderr.read())


def at_a_terminal(typed: str, *arguments: object, **settings: object) -> tuple[int, str]:
    """Run it to its end where somebody types: its exit code, and what the terminal showed."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    with subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        env=_environment(settings) | {"COLUMNS": "200"},
        cwd=NOWHERE,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # which is how its end is told
            while read := os.read(ours, 1_000):
                shown += read
    os.close(ours)
    return process.returncode, shown.decode()


def _environment(settings: Mapping[str, object]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    if "DATABASE_URL" in settings and "MASTER_KEY_FILE" not in settings:
        inherited["MASTER_KEY"] = os.environ["MASTER_KEY"]  # of the tests' own databases
    return inherited | {name: str(value) for name, value in settings.items()}
