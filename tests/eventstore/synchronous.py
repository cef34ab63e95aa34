"""The recorder for callers that block, such as the library's own test cases."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from threading import Thread
from typing import Any, Self, TypeVar
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
)

from tests.eventstore.library_recorder import Recorder

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def call(self, act: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(act)

    def close(self) -> None:
        self.call(self._loop.stop)
        self._thread.join()
        self._loop.close()


class SynchronousRecorder(ProcessRecorder):
    def __init__(self, loop: Loop, recorder: Recorder) -> None:
        self.loop = loop
        self.recorder = recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        return self.loop.run(self.recorder.insert_events(stored_events, **kwargs))

    def select_events(
        self, originator_id: UUID | str, *, gt: int | None = None, lte: int | None = None, desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:  # fmt: skip
        return self.loop.run(self.recorder.select_events(originator_id, gt=gt, lte=lte, desc=desc, limit=limit))

    def select_notifications(
        self, start: int | None, limit: int, stop: int | None = None, topics: Sequence[str] = (), *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:  # fmt: skip
        select = self.recorder.select_notifications
        return self.loop.run(select(start, limit, stop, topics, inclusive_of_start=inclusive_of_start))

    def max_notification_id(self) -> int | None:
        return self.loop.run(self.recorder.max_notification_id())

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        return SynchronousSubscription(self, gt, topics)

    def insert_tracking(self, tracking: Tracking) -> None:
        self.loop.run(self.recorder.insert_tracking(tracking))

    def max_tracking_id(self, application_name: str) -> int | None:
        return self.loop.run(self.recorder.max_tracking_id(application_name))


class SynchronousAggregateRecorder(SynchronousRecorder):
    """A recorder that gives no positions, as the library calls it."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        super().insert_events(stored_events, **kwargs)


class SynchronousSubscription(Subscription[ApplicationRecorder]):
    def __init__(self, recorder: SynchronousRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._loop = recorder.loop
        self._subscription = recorder.recorder.subscribe(gt, topics)

    def __enter__(self) -> Self:
        super().__enter__()
        self._loop.run(self._subscription.__aenter__())
        return self

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._loop.run(self._subscription.__aexit__(None, None, None))

    def stop(self) -> None:
        super().stop()
        self._loop.call(self._subscription.stop)

    def __next__(self) -> Notification:
        notification = self._loop.run(anext(self._subscription, None))
        if notification is None:
            raise StopIteration
        return notification
