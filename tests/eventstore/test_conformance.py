"""The library's own test cases for recorders, on ours."""

from collections.abc import Iterator

import asyncpg
import pytest
from eventsourcing.tests import persistence as library

from tests.eventstore.library_recorder import Recorder
from tests.eventstore.synchronous import Loop, SynchronousAggregateRecorder, SynchronousRecorder


class OnPostgreSQL:
    @pytest.fixture(autouse=True)
    def _connect(self, database: str) -> Iterator[None]:
        self.loop = Loop()
        self.pool = self.loop.run(_pool(database))
        yield
        self.loop.run(self.pool.close())
        self.loop.close()

    def create_recorder(self) -> SynchronousRecorder:
        return SynchronousRecorder(self.loop, Recorder(self.pool))


async def _pool(dsn: str) -> asyncpg.Pool:
    return await asyncpg.create_pool(dsn, min_size=1, max_size=12)


class TestAggregateRecorder(OnPostgreSQL, library.AggregateRecorderTestCase):
    def create_recorder(self) -> SynchronousAggregateRecorder:
        return SynchronousAggregateRecorder(self.loop, Recorder(self.pool))


class TestApplicationRecorder(OnPostgreSQL, library.ApplicationRecorderTestCase[SynchronousRecorder]):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(OnPostgreSQL, library.TrackingRecorderTestCase):
    pass


class TestProcessRecorder(OnPostgreSQL, library.ProcessRecorderTestCase):
    pass


class TestNonInterleavingNotificationIDs(OnPostgreSQL, library.NonInterleavingNotificationIDsBaseCase):
    pass
