"""What goes on beside answering requests, in processes of their own: replays, verifications, the delivery of webhooks.

`replay [ID]`, `verify ID` or `deliver` are its arguments. A replay whose process is killed is resumed, by another or at
the next start; a verification has ended. Webhooks are delivered by the next process.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

import uvloop

from api.process import logs
from api.process.settings import Settings
from eventstore.postgres.watch import reachable
from projections.database import open_store, store_at
from service import replays, verifications
from service.webhooks.delivery.engine import DeliverySettings, delivering

POLITENESS = 10  # of the process: answering requests goes first
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


async def _deliver(dsn: str) -> None:
    """Until it is told to end."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    settings = Settings.from_environment()
    chosen = DeliverySettings(
        store_url=settings.store_url, allowed=settings.webhook_allow, patience=settings.webhook_patience
    )
    async with reachable(dsn) as servers, store_at(servers) as store, delivering(store, servers, chosen):
        await told.wait()


async def _main(dsn: str, kind: str, id_: int | None) -> None:
    if kind == "deliver":
        await _deliver(dsn)
        return
    async with open_store(dsn) as store:
        if kind == "replay":
            await replays.run(store, id_)
        elif id_ is not None:
            await verifications.run(store, id_)


if __name__ == "__main__":
    logs.configure()
    os.nice(POLITENESS)
    uvloop.run(_main(os.environ["DATABASE_URL"], sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else None))
