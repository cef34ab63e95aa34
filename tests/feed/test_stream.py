"""A stream of events without a server around it: what it says in the quiet, how many there may be, and when it ends."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from api.http import turns
from api.http.refusals import TooMany
from api.http.turns import Streams
from api.rest.feed import stream
from api.rest.feed.stream import EventStream, Followed
from eventstore.store import Store
from service.feed import message
from service.feed.following import Following
from service.feed.pages import Wanted
from tests.eventstore.acts import PATIENCE, append, facts
from tests.feed.following import SOURCE


class Reader:
    """Takes what is sent until it has what it waits for, and then may not read any more."""

    def __init__(self, awaited: bytes) -> None:
        self.body = b""
        self._awaited = awaited

    async def receive(self) -> Any:
        await asyncio.Event().wait()

    async def send(self, sent: Any) -> None:
        self.body += sent.get("body", b"")

    async def may_go_on(self) -> bool:
        return self._awaited not in self.body

    async def read(self, store: Store, wanted: Wanted) -> bytes:
        followed = Followed(wanted, 0, lambda entry: message.thin(entry, SOURCE))
        answer = EventStream(Following(store), followed, Streams(), uuid4(), self.may_go_on)
        await asyncio.wait_for(answer({}, self.receive, self.send), PATIENCE)  # type: ignore[arg-type]
        return self.body


async def test_in_the_quiet_it_says_how_far_it_has_looked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.01)
    await append(store, facts(1, 3))
    body = await Reader(b":\nid: 3\n\n").read(store, Wanted(("label-deleted",)))
    assert body.startswith(b'retry: 2000\n\nid: 3\nevent: caught-up\ndata: {"next":3}\n\n:\nid: 3\n\n')


async def test_it_has_caught_up_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(stream, "PAGE", 2)
    await append(store, facts(1, 5))
    reading = asyncio.create_task(Reader(b"id: 6\n").read(store, Wanted()))
    await append(store, facts(2))
    body = await reading
    ids = [line for line in body.splitlines() if line.startswith(b"id: ")]
    assert [line for line in ids if line != b"id: 5"][:5] == [b"id: %d" % number for number in (1, 2, 3, 4, 6)]
    assert body.count(b"event: caught-up") == 1


def test_there_are_so_many_in_a_process_and_of_a_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST_STREAMS", 3)
    monkeypatch.setattr(turns, "MOST_OF_ONE", 2)
    streams, one, other = Streams(), uuid4(), uuid4()
    with streams.opened(one):
        with streams.opened(one):
            with pytest.raises(TooMany), streams.opened(one):
                pass
            with streams.opened(other), pytest.raises(TooMany), streams.opened(uuid4()):
                pass
        with streams.opened(one):
            pass
