"""A stream of NATS JetStream: what its last message is, and the next ones.

Each publish names the message that it follows, and the server refuses what does not fit. So a relay that is killed, a
second one, and acknowledgements that get lost can neither skip nor repeat an event.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct, json
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError
from nats.js.api import Header, RetentionPolicy, StreamConfig
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

from service.relay.target import NatsTarget, RelayStopped

TIMEOUT = 5.0  # seconds for any answer
IN_FLIGHT = 256
CONTENT_TYPE = {"content-type": "application/cloudevents+json"}


class NotStored(Exception):
    """The server stores no such message: another relay was faster, it remembers one that was deleted, or is full."""


class Message(NamedTuple):
    position: int
    digest: str
    subject: str
    body: bytes


class Last(NamedTuple):
    """The last message of an event, `sequence` is its place; 0 without one. The stream ends at `end`, which is later if
    messages were deleted from there.
    """

    position: int
    digest: str
    subject: str
    sequence: int
    end: int


class _Body(Struct):
    """What is read back of a message."""

    id: str
    digest: str


class _Error(Struct):
    description: str = ""


class _Ack(Struct):
    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


_read = json.Decoder(_Body).decode
_read_ack = json.Decoder(_Ack).decode


class JetStream:
    """The stream, on a connection that is made anew when it is lost, by whoever opened it."""

    def __init__(self, client: Client, target: NatsTarget) -> None:
        self._client = client
        self._js: JetStreamContext = client.jetstream(timeout=TIMEOUT)
        self._stream = target.stream
        self._subjects = f"{target.subject}.>"
        self._inbox = client.new_inbox()
        self._pending: dict[str, asyncio.Future[int]] = {}  # acknowledgements, by the id of the message, oldest first

    async def open(self) -> None:
        """Makes the stream, if it is not there. Raises RelayStopped for one that drops even its last message."""
        await self._client.subscribe(f"{self._inbox}.*", cb=self._acknowledge)
        try:
            config = (await self._js.stream_info(self._stream)).config
        except NotFoundError:
            config = StreamConfig(name=self._stream, subjects=[self._subjects], description="Events of Custodiary")
            await self._js.add_stream(config)
        if config.max_age or config.retention not in {None, RetentionPolicy.LIMITS}:
            raise RelayStopped(
                f"The stream {self._stream} drops messages by age, or once they are read, and with the last one where "
                "the relay resumes. Limit it by messages or bytes, or limit another stream, whose source it is."
            )

    async def last(self, after: int | None) -> Last:
        """`after` is the position in its place, where there is none. Raises RelayStopped if neither says it."""
        # In this order: what another relay publishes meanwhile makes the next publish fail.
        end = (await self._js.stream_info(self._stream)).state.last_seq
        try:
            message = await self._js.get_last_msg(self._stream, self._subjects)
        except NotFoundError:
            if end and after is None:
                raise RelayStopped(
                    f"All messages were deleted from the stream {self._stream}, and with them where to resume: "
                    "`custodiary relay nats --after` takes the position of the last event that was sent."
                ) from None
            return Last(after or 0, "", "", 0, end)
        body = _read(message.data or b"")
        return Last(int(body.id), body.digest, message.subject or "", message.seq or 0, end)

    async def publish(self, messages: Sequence[Message], end: int) -> Last:
        """Returns when all of them are stored. `end` is where the stream ends, as it is known here.

        Raises NotStored and the errors of NATS; then some may be stored, up to one of them.
        """
        try:
            # By its place, because the server forgets the last id with time. It goes alone: where the server takes it
            # for a message that was deleted a moment ago, the others must not be stored.
            await self._send(messages[0], {Header.EXPECTED_LAST_SEQUENCE: str(end)})
            end = await self._stored()
            for before, message in pairwise(messages):
                if len(self._pending) == IN_FLIGHT:
                    await self._stored()
                await self._send(message, {Header.EXPECTED_LAST_MSG_ID: str(before.position)})
            while self._pending:
                end = await self._stored()
        finally:
            await self.give_up()
        newest = messages[-1]
        return Last(newest.position, newest.digest, newest.subject, end, end)

    async def _send(self, message: Message, fence: dict[str, str]) -> None:
        id_ = str(message.position)
        headers = {Header.MSG_ID: id_, Header.EXPECTED_STREAM: self._stream} | CONTENT_TYPE | fence
        self._pending[id_] = asyncio.get_running_loop().create_future()
        await self._client.publish(message.subject, message.body, f"{self._inbox}.{id_}", headers)

    async def _stored(self) -> int:
        """The place of the message that has waited longest."""
        ack = next(iter(self._pending.values()))
        if not ack.done():
            async with asyncio.timeout(TIMEOUT):
                await ack
        del self._pending[next(iter(self._pending))]
        return ack.result()

    async def _acknowledge(self, message: Msg) -> None:
        """Like the library's `publish_async`, which keeps to itself what the server refuses."""
        ack = self._pending.get(message.subject.rpartition(".")[2])
        if ack is None or ack.done():
            return
        answer = _read_ack(message.data) if message.data else _Ack(error=_Error("no stream has this subject"))
        if answer.error is not None:
            ack.set_exception(NotStored(answer.error.description))
        elif answer.duplicate:
            ack.set_exception(NotStored("the server knows the id of an event that is not in the stream"))
        else:
            ack.set_result(answer.seq)

    async def give_up(self) -> None:
        """Acknowledgements that are still awaited won't come."""
        for ack in self._pending.values():
            if not ack.done():
                ack.set_exception(ConnectionClosedError())
            if not ack.cancelled():
                ack.exception()  # looked at, so that none is reported as lost
        self._pending.clear()

    async def delete(self, last: Last) -> None:
        await self._js.delete_msg(self._stream, last.sequence)

    async def purge(self, subject: str, before: int) -> None:
        """Delete all messages of a subject before a place in the stream."""
        await self._js.purge_stream(self._stream, seq=before, subject=subject)


@asynccontextmanager
async def connected(target: NatsTarget) -> AsyncIterator[JetStream]:
    """Until the end of the block, or until the connection is lost: then whatever waits fails."""
    client = Client()
    stream = JetStream(client, target)

    async def nothing(_error: Exception) -> None:  # whoever waits gets it, too
        pass

    await client.connect(
        target.url.reveal().split(","),
        name="custodiary",
        allow_reconnect=False,
        max_reconnect_attempts=1,
        reconnect_time_wait=0,
        connect_timeout=int(TIMEOUT),
        closed_cb=stream.give_up,
        error_cb=nothing,
    )
    try:
        await stream.open()
        yield stream
    finally:
        await client.close()
