"""Replays and verifications that were asked for over HTTP, each run by a process of its own.

`python -m api.process.job_runner replay [ID]`, or `verify ID`. The service's own processes go on answering. A replay
whose process is killed is resumed, by another or at the next start; a verification has ended.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

import uvloop

from api.process import logs
from projections.database import open_store
from service import replays, verifications

POLITENESS = 10  # of the process: answering requests goes first
ATTEMPTS = 3


class JobRunner:
    """Owns the processes, by their ids: they end with it."""

    def __init__(self, dsn: str) -> None:
        self.processes: set[int] = set()
        self._dsn = dsn
        self._running: set[asyncio.Task[object]] = set()

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
            (sys.executable, "-m", "api.process.job_runner"),
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


async def _main(dsn: str, kind: str, id_: int | None) -> None:
    async with open_store(dsn) as store:
        if kind == "replay":
            await replays.run(store, id_)
        elif id_ is not None:
            await verifications.run(store, id_)


if __name__ == "__main__":
    logs.configure()
    os.nice(POLITENESS)
    uvloop.run(_main(os.environ["DATABASE_URL"], sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else None))
