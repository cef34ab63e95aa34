"""Where a relay sends events."""

import re

from msgspec import Struct

from domain.webhook import MessageForm
from service.redaction import Secret


class RelayStopped(Exception):
    """The relay can't know how to go on: the message says what somebody has to choose."""


class LogSetBack(RelayStopped):
    """position: the log has no such event there as was sent."""

    def __init__(self, position: int) -> None:
        super().__init__(
            f"The log was set back: the event that was sent from position {position} is not in it. "
            "`custodiary relay nats --rewind` deletes from the stream what the log does not have, and goes on."
        )


class NatsTarget(Struct, frozen=True, kw_only=True):
    """`url` has commas between several servers; `subject` is what the subjects of all messages begin with."""

    url: Secret
    stream: str
    subject: str
    form: MessageForm

    @property
    def name(self) -> str:
        """For people: without what gets one in."""
        return f"{re.sub(r'//[^@/]*@', '//', self.url.reveal())}/{self.stream}"
