"""Other ways to append an event to a log in PostgreSQL, each as its authors mean it, at its fastest that is durable."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from benchmarks.harness import Run

RunAt: TypeAlias = Callable[[int], Run]  # so many at once
# In an empty database. Raises Unavailable.
Peer: TypeAlias = Callable[[str], AbstractAsyncContextManager[RunAt]]

CONNECTIONS = 20  # of a pool: more are no faster, for anybody
TOPIC = "payment-recorded"
PAYLOAD = {"event": TOPIC, "amount": 1, "transaction_id": "t12345"}
