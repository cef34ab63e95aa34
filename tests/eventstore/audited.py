"""What is done to a log behind the service's back, and what an audit finds, of the store and of a dump of it."""

import tempfile
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from eventstore.chain.checkpoints import Checkpoint, SignedStatement
from eventstore.chain.dump import blocks, dump, dumped
from eventstore.chain.faults import Fault
from eventstore.chain.signing import SigningKey
from eventstore.chain.verify import Verifier
from eventstore.store import Store

KEY = SigningKey(b64encode(bytes(range(32))).decode())
OTHER_KEY = SigningKey(b64encode(bytes(32)).decode())

COPY = """
    INSERT INTO stored_events SELECT originator_id, 4, topic, state, {position}, occurred_at, recorded_at,
        actor, request_id, correlation_id, customer_id, former_customer_id, {digest} FROM stored_events
    WHERE notification_id = 8"""
SET_BACK = "DELETE FROM stored_events WHERE notification_id > 9; DELETE FROM checkpoints WHERE number > 1"
TWO_OF_LABEL = "label 2, version 2, position 5: "
REPLACE_LAST_BYTE = "UPDATE stored_events SET state = set_byte(state, length(state) - 1, 0) WHERE notification_id = 5"
CHANGES = {
    "one byte": REPLACE_LAST_BYTE,
    "actor": "UPDATE stored_events SET actor = 'eve' WHERE notification_id = 5",
    "request": "UPDATE stored_events SET request_id = 'x' WHERE notification_id = 5",
    "correlation": "UPDATE stored_events SET correlation_id = 'x' WHERE notification_id = 5",
    "customer": "UPDATE stored_events SET customer_id = 8 WHERE notification_id = 5",
    "former customer": "UPDATE stored_events SET former_customer_id = 8 WHERE notification_id = 5",
    "time": "UPDATE stored_events SET occurred_at = occurred_at + interval '1 microsecond' WHERE notification_id = 5",
    "topic": "UPDATE stored_events SET topic = 'label-renamed#1' WHERE notification_id = 5",
    "digest": "UPDATE stored_events SET digest = sha256('') WHERE notification_id = 5",
}


async def audited(store: Store, kept: Sequence[Checkpoint] = (), keys: Sequence[str] = (KEY.public,)) -> list[Fault]:
    """Both ways, which must find the same."""
    statements = {each.number: each.statement for each in kept}
    online, offline = Verifier(keys, statements), Verifier(keys, statements)
    found = [fault async for block in blocks(store.pool) for fault in online.block(block)] + [*online.end()]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "dump"
        with path.open("wb") as file:
            await dump(store.pool, file)
        again = [fault for block in dumped(path) for fault in offline.block(block)] + [*offline.end()]
    assert again == found
    assert (offline.events, offline.unsigned, offline.last) == (online.events, online.unsigned, online.last)
    return found


async def first_fault(store: Store, kept: Sequence[Checkpoint] = ()) -> str:
    return str((await audited(store, kept))[0])


def statement_of(checkpoint: Checkpoint) -> SignedStatement:
    statement = checkpoint.read()
    assert statement is not None
    return statement
