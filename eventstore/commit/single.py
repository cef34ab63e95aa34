"""A batch in one statement, on what is remembered: it stands only if nothing of that has changed meanwhile."""

from collections.abc import Sequence

from eventstore.commit.batch import Batch
from eventstore.commit.command import Waiting, ends_of, events_of, keys_of
from eventstore.log.log import Expected
from eventstore.postgres.sql import Statement
from eventstore.postgres.view import NeedsTransaction, View
from eventstore.sealing.stream_keys import described, making


class OptimisticBatch(Batch):
    """A batch of simple commands. If anything is not as expected, nothing is written, and a transaction must decide."""

    async def write_whole(self, commands: Sequence[Waiting]) -> None:
        """With the commit. Raises NeedsTransaction, asyncpg.SerializationError, and what goes wrong on the way."""
        self._ends = ends_of(commands)
        events = events_of(commands)
        view = View(self._connection, events, self._memory, is_optimistic=True)
        await self._in_layers(view, commands)
        if self.refused:
            raise NeedsTransaction
        await self._keep(view, events)
        statement = view.kept.statement() if view.kept else Statement()
        if made := [new for command in commands for new in command.unit.new_keys]:
            statement.add(len(made), making, described(made))
        expected = Expected(statement, keys_of(commands), self._ends)
        _freed, taken = self._claims.changes()
        rows = [row for command in commands for row in command.rows]
        mark = await self._log.append_whole(self._connection, expected, rows, taken)
        if view.kept:
            view.kept.remember(mark)
