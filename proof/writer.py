"""A process that writes through a store of its own until it is told to stop: `python -m proof.writer DSN JOURNAL SEED`.

SIGUSR1 sets its clock back by an hour.
"""

import asyncio
import random
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from eventstore.postgres.away import UNREACHABLE
from eventstore.store import Contended, OutcomeUnknown, Overloaded, Store
from projections.database import open_store
from proof.journal import Journal, Line, Outcome
from proof.processes import NOT_YET
from tests.eventstore.mix import Matter, Told, carry_out

AT_ONCE = 8
CONNECTIONS = 6
PAUSE = 0.05  # seconds after a failure, until the next attempt
LOOK_EVERY = 50  # commands
WORDS = [f"word{number}" for number in range(60)]
# The newest, which several processes are at, and the ids of labels that are still to come.
CUSTOMERS = "SELECT id FROM customers ORDER BY id DESC LIMIT 12"
ORDERS = "SELECT id FROM orders ORDER BY id DESC LIMIT 24"
USERS = "SELECT id FROM users"
LABELS = """
    SELECT greatest(0, coalesce(max(id), 0) - 8) + n FROM generate_series(1, 12) AS n
    LEFT JOIN labels ON id < 1000000000 GROUP BY n"""
FAILURES = (Contended, Overloaded, asyncpg.PostgresError, *UNREACHABLE)
OUTCOMES: dict[str, Outcome] = {"done": "acknowledged", "refused": "refused", "nothing": "cancelled"}


class Writer:
    def __init__(self, store: Store, journal: Journal, seed: str) -> None:
        self._store = store
        self._journal = journal
        self._chance = random.Random(f"{seed} {journal.number}")
        self._behind = timedelta()
        self._matter: Matter | None = None
        self._commands = 0
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True

    def set_clock_back(self) -> None:
        self._behind += timedelta(hours=1)

    async def go_on(self) -> None:
        while not self.stopped:
            try:
                if self._matter is None or self._commands % LOOK_EVERY == 0:
                    self._matter = await self._look()
            except FAILURES:
                await asyncio.sleep(PAUSE)
                continue
            self._commands += 1
            await self._command(self._matter)

    async def _command(self, matter: Matter) -> None:
        told = Told(self._journal.intend(), "nothing")
        at = datetime.now(UTC) - self._behind
        try:
            await carry_out(self._store, told, self._chance, matter, at)
        except OutcomeUnknown:
            self._journal.tell(Line(told.request_id, "unknown", told.events))
        except FAILURES as failure:
            self._journal.tell(Line(told.request_id, "failed", detail=type(failure).__name__))
            await asyncio.sleep(PAUSE)
        else:
            # Who has gone does not see how the command is decided when it is overtaken: its events may be others then.
            events = None if told.outcome == "nothing" else told.events
            self._journal.tell(Line(told.request_id, OUTCOMES[told.outcome], events))

    async def _look(self) -> Matter:
        return Matter(
            customers=await self._ids(CUSTOMERS),
            orders=await self._ids(ORDERS),
            users=await self._ids(USERS),
            labels=await self._ids(LABELS),
            money=[f"t{self._chance.randrange(10**6)}" for _ in range(LOOK_EVERY)],
            words=WORDS,
        )

    async def _ids(self, statement: str) -> list[int]:
        return [row[0] for row in await self._store.pool.fetch(statement)] or [1]


async def run(dsn: str, journal: Journal, seed: str) -> None:
    async with open_store(dsn, connections=CONNECTIONS) as store:
        writer = Writer(store, journal, seed)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, writer.stop)
        signal.signal(signal.SIGUSR1, lambda *_: writer.set_clock_back())
        await asyncio.gather(*(writer.go_on() for _ in range(AT_ONCE)))


def main() -> None:
    try:
        asyncio.run(run(sys.argv[1], Journal(Path(sys.argv[2])), sys.argv[3]))
    except FAILURES:
        sys.exit(NOT_YET)


if __name__ == "__main__":
    main()
