"""What an audit finds, of the store and of a dump of it."""

import tempfile
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from eventstore.chain.checkpoints import Checkpoint
from eventstore.chain.dump import blocks, dump, dumped
from eventstore.chain.faults import Fault
from eventstore.chain.signing import SigningKey
from eventstore.chain.verify import Verifier
from eventstore.transact import Store

KEY = SigningKey(b64encode(bytes(range(32))).decode())
OTHER_KEY = SigningKey(b64encode(bytes(32)).decode())


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
