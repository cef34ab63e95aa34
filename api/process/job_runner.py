"""Starts what goes on beside answering requests, in processes of their own; see `job.py`.

A replay whose process is killed is resumed, by another or at the next start; a verification has ended. Webhooks are
delivered by the next process.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

ATTEMPTS = 3


class JobRunner:
    """Owns the processes, by their ids: they end with it."""

    def __init__(self, dsn: str) -> None:
        self.processes: set[int] = set()
        self._dsn = dsn
        self._running: set[asyncio.Task[object]] = set()
        self._delivers = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def replay(self, id_: int | None = None) -> None:
        """Run a replay, or resume what was interrupted."""
        self._own(self._replay([] if id_ is None else [str(id_)]))

    def verify(self, id_: int) -> None:
        """Run a verification."""
        self._own(self._process(["verify", str(id_)]))

    def deliver(self) -> None:
        """Deliver webhooks, unless a process does already."""
        if not self._delivers:
            self._delivers = True
            self._own(self._deliver())

    async def _deliver(self) -> None:
        try:
            await self._process(["deliver"])
        finally:
            self._delivers = False

    def _own(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _replay(self, arguments: list[str]) -> None:
        """A process that ends too early, killed perhaps, is followed by one that resumes."""
        for _ in range(ATTEMPTS):
            if await self._process(["replay", *arguments]) == 0:
                return
            arguments = []

    async def _process(self, arguments: list[str]) -> int:
        """Its exit code; it ends with whoever waits for it."""
        command, environment = (
            (sys.executable, "-m", "api.process.parent", str(os.getpid())),
            os.environ | {"DATABASE_URL": self._dsn},
        )
        process = await asyncio.create_subprocess_exec(*command, *arguments, env=environment)
        self.processes.add(process.pid)
        try:
            return await process.wait()
        finally:
            self.processes.discard(process.pid)
            if process.returncode is None:
                process.terminate()
                await process.wait()
