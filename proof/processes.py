"""Processes that are killed and started again, and none of which outlives the one that started them."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
NOT_YET = 75  # how a process ends that found no database, as one that just starts may
PAUSE = 0.2  # seconds until it is started again
PATIENCE = 60.0  # seconds to come to an end in
MOMENT = 5.0  # seconds
PR_SET_PDEATHSIG = 1
CHILDREN = Path("/proc/thread-self/children")  # is there where the system tells a process's children
LINUX = sys.platform == "linux"
LIBC = ctypes.CDLL(None)  # loaded before any fork


class Kept:
    """A process, started again whenever it ends, until it is stopped. `ended_badly` says how, when nobody killed it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        place: Path,
        environment: Mapping[str, str] | None = None,
        *,
        may_end: bool = False,
    ) -> None:
        self.name = name
        self.ended_badly: list[str] = []
        self._command = command
        self._may_end = may_end
        self._log = place / f"{name}.log"
        self._log.touch()
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._killed = False
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int | None:
        """None while it is not there."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def _keep(self) -> None:
        while not self._stopping.is_set():
            self._killed = False
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, cwd=REPOSITORY, env=self._environment, stdin=asyncio.subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True, preexec_fn=_begin,
                )  # fmt: skip
            if self._stopping.is_set():  # since the line above
                self.signal(signal.SIGTERM)
            code = await self._process.wait()
            self._end_group(self._process.pid)
            await self._end_rest(self._process.pid)
            expected = {NOT_YET, 0, -signal.SIGTERM} if self._stopping.is_set() else {NOT_YET}
            if not (self._killed or self._may_end) and code not in expected:
                self.ended_badly.append(f"{self.name} ended with {code}: {self.said()}")
            if not self._stopping.is_set():
                await asyncio.sleep(PAUSE)

    def children(self) -> list[int]:
        """Where the system tells."""
        file = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in file.read_text().split()] if file.exists() else []

    def signal(self, number: int) -> bool:
        """Whether there was a process to send it to."""
        if self.pid is None:
            return False
        with suppress(ProcessLookupError):  # it has ended, and that is not known yet
            os.kill(self.pid, number)
            return True
        return False

    def kill(self) -> bool:
        """All that it has started in its session, too."""
        if self.pid is None:
            return False
        self._killed = True
        self._end_group(self.pid)
        return True

    async def stop(self) -> None:
        """Tell it to end, and wait; kill it when it does not."""
        self._stopping.set()
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(self._task), PATIENCE)
        except TimeoutError:
            self.ended_badly.append(f"{self.name} did not end in {PATIENCE:.0f} s: {self.said()}")
            self.kill()
            await self._task

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-1_500:].strip()

    async def _end_rest(self, session: int) -> None:
        """What it has started must not outlive it for longer than a moment."""
        deadline = time.monotonic() + MOMENT
        while (rest := _processes_of(session)) and time.monotonic() < deadline:  # noqa: ASYNC110 - nobody else tells
            await asyncio.sleep(MOMENT / 100)
        if rest:
            self.ended_badly.append(f"{self.name} left {len(rest)} processes behind")
        for pid in rest:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _end_group(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _processes_of(session: int) -> list[int]:
    """Where the system tells; without those that have ended and that nobody has heard of yet."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _parent, _group, its = file.read_text().rpartition(")")[2].split()[:4]
            if int(its) == session and state != "Z":
                found.append(int(file.parent.name))
    return found


def _begin() -> None:
    """Runs in the new process before its program, which ends with its parent and survives an early signal."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if LINUX:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
