"""Replays that were asked for over HTTP, each run by a process of its own: `python -m api.process.replay_runner [ID]`.

The service's own processes go on answering; what a process that is killed leaves is gone on with at the next start.
"""

import asyncio
import os
import sys
from types import TracebackType
from typing import Self

import uvloop

from api.process import logs
from projections.database import open_store
from service import replays

POLITENESS = 10  # of the process: answering requests goes first
ATTEMPTS = 3


class ReplayRunner:
    """Owns the processes, by their ids: they end with it."""

    def __init__(self, dsn: str) -> None:
        self.processes: set[int] = set()
        self._dsn = dsn
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def start(self, id_: int | None = None) -> None:
        """Run one, or go on with what was interrupted."""
        task = asyncio.create_task(self._run([] if id_ is None else [str(id_)]))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, arguments: list[str]) -> None:
        """A process that ends too early, killed perhaps, is followed by one that goes on."""
        for _ in range(ATTEMPTS):
            if await self._process(arguments) == 0:
                return
            arguments = []

    async def _process(self, arguments: list[str]) -> int:
        """Its exit code; it ends with whoever waits for it."""
        command, environment = (
            (sys.executable, "-m", "api.process.replay_runner"),
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


async def _main(dsn: str, id_: int | None) -> None:
    async with open_store(dsn) as store:
        await replays.run(store, id_)


if __name__ == "__main__":
    logs.configure()
    os.nice(POLITENESS)
    uvloop.run(_main(os.environ["DATABASE_URL"], int(sys.argv[1]) if sys.argv[1:] else None))
