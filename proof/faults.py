"""What goes wrong, drawn by seed: each kind once in a round, the rounds in an order of their own."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

import asyncpg

from domain.event import Claim, Recorded, Stream
from domain.events import EVENTS
from domain.label import LABEL, LabelCreated
from eventstore.commit.claims import Claims
from eventstore.log.codec import Codec
from eventstore.log.log import Expected, Log
from eventstore.postgres.away import UNREACHABLE
from eventstore.postgres.sql import Statement
from eventstore.sealing.master_keys import MasterKeys
from eventstore.sealing.payloads import Sealing
from projections.live.projector import project
from projections.tables.table import prepare
from proof import disk
from proof.endpoints import ORDERS
from proof.house import PATIENCE, House
from proof.journal import Journal, Line
from proof.processes import CHILDREN, Kept

Fault = Callable[[], Awaitable[bool]]
LONGEST = 2.0  # seconds that something is held or kept away
BACKENDS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid"""
HOLD_ROWS = "SELECT FROM figures WHERE id IN (SELECT id FROM customers ORDER BY id DESC LIMIT 6) ORDER BY id FOR UPDATE"
NEW_LABEL = "SELECT nextval('label_ids')"


class Faults:
    """`made` counts those that struck; `skipped` says why others can't be made here."""

    def __init__(self, house: House, seed: int) -> None:
        self.made: Counter[str] = Counter()
        self.skipped: dict[str, str] = {}
        self._house = house
        self._chance = random.Random(seed)
        self._journal = Journal(house.journals / "dawdler")
        self._log = Log(Codec(EVENTS), Sealing(MasterKeys.from_environment()))
        self._kinds: dict[str, Fault] = {
            "kill -9 of a writer": lambda: self._kill(house.writers),
            "kill -9 of a follower": lambda: self._kill(house.followers),
            "kill -9 of a reader of the feed": lambda: self._kill(house.readers),
            "kill -9 of the service": lambda: self._kill([house.service]),
            "kill -9 of one of its workers": self._kill_a_worker,
            "kill -9 of PostgreSQL": self._kill_postgres,
            "kill -9 of the relay": lambda: self._kill([house.relay]),
            "kill -9 of NATS": lambda: self._kill([house.nats]),
            "kill -9 of the receiver": lambda: self._kill(house.receivers),
            "a webhook paused and resumed": lambda: house.endpoints.restart(self._chance.choice(ORDERS)),
            "a connection terminated": self._terminate,
            "idle in a transaction that has appended": self._dawdle,
            "idle in a transaction that holds rows": self._hold_rows,
            "a writer's clock an hour back": self._set_clock_back,
            "the disk full": self._fill_the_disk,
        }
        if not house.has_disk:
            self._skip("the disk full", "only root may mount a disk for it, and not everywhere")
        if not CHILDREN.exists():
            self._skip("kill -9 of one of its workers", "the system does not tell who they are")

    @property
    def never_made(self) -> list[str]:
        return [kind for kind in self._kinds if not self.made[kind]]

    def _skip(self, kind: str, why: str) -> None:
        del self._kinds[kind]
        self.skipped[kind] = why

    async def make(self, seconds: float, *, each: bool) -> None:
        """With `each`, until each kind was made, if that takes longer, but not for ever."""
        deadline = time.monotonic() + seconds
        pause = min(LONGEST, seconds / len(self._kinds) / 2)
        while (left := deadline - time.monotonic()) > 0 or (each and self.never_made and left > -PATIENCE):
            for kind in self._chance.sample(list(self._kinds), len(self._kinds)):
                if time.monotonic() > deadline and (self.made[kind] or not each):
                    continue
                await asyncio.sleep(self._chance.uniform(0, pause))
                with suppress(*UNREACHABLE, TimeoutError):  # the fault before may still be at work
                    self.made[kind] += await self._kinds[kind]()

    async def _kill(self, among: list[Kept]) -> bool:
        return self._chance.choice(among).kill()

    async def _kill_a_worker(self) -> bool:
        if pids := self._house.service.children():
            os.kill(self._chance.choice(pids), signal.SIGKILL)
        return bool(pids)

    async def _kill_postgres(self) -> bool:
        for file in self._house.data.glob("pg*/postmaster.pid"):
            os.kill(int(file.read_text().split()[0]), signal.SIGKILL)
            return True
        return False

    async def _terminate(self) -> bool:
        connection = await self._connect()
        try:
            pids = [row["pid"] for row in await connection.fetch(BACKENDS)]
            chosen = self._chance.sample(pids, min(3, len(pids)))
            ended = [await connection.fetchval("SELECT pg_terminate_backend($1)", pid) for pid in chosen]
        finally:
            await connection.close(timeout=LONGEST)
        return any(ended)

    async def _dawdle(self) -> bool:
        """A command that is all but committed, for long, and then is, or isn't."""
        connection = await self._connect()
        commits = self._chance.random() < 0.7
        try:
            transaction = connection.transaction()
            await transaction.start()
            line = Line(self._journal.intend(), "unknown", 1)
            await self._append(connection, line.id)
            await self._wait()
            if commits:
                await transaction.commit()
                line.outcome = "acknowledged"
            else:
                await transaction.rollback()
                line.outcome = "refused"
        finally:
            connection.terminate()
        self._journal.tell(line)
        return True

    async def _append(self, connection: asyncpg.Connection, id_: str) -> None:
        label_id = await connection.fetchval(NEW_LABEL)
        stream = Stream(LABEL.category, 10**9 + label_id)  # which nobody else will choose
        event = LabelCreated(value=f"dawdler {label_id}")
        recorded = Recorded(
            stream=stream, version=1, event=event, occurred_at=datetime.now(UTC), actor="dawdler", request_id=id_
        )
        claim = Claim("label", event.value)
        _moved, holders = await self._log.hold(connection, {}, claims=[claim])
        claims = Claims(holders)
        claims.change({claim: stream}, {})
        await project(connection, self._log, [recorded])
        alone = Expected(Statement(), (), {})
        await self._log.append_whole(connection, alone, self._log.rows([recorded], [None], {}), claims.taken())

    async def _hold_rows(self) -> bool:
        connection = await self._connect()
        try:
            async with connection.transaction():
                await connection.execute(HOLD_ROWS)
                await self._wait()
        finally:
            connection.terminate()
        return True

    async def _set_clock_back(self) -> bool:
        return self._chance.choice(self._house.writers).signal(signal.SIGUSR1)

    async def _fill_the_disk(self) -> bool:
        if not await disk.fill(self._house.data.parent):
            return False
        await self._wait()
        self._house.restore()
        return True

    async def _connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self._house.dsn, timeout=LONGEST, command_timeout=10)
        await prepare(connection)
        return connection

    async def _wait(self) -> None:
        await asyncio.sleep(self._chance.uniform(LONGEST / 10, LONGEST))
