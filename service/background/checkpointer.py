"""Signs what is new in the log now and then, in one process of all that share the store."""

import logging
from contextlib import AbstractAsyncContextManager, nullcontext

from eventstore.chain.signer import sign_new
from eventstore.chain.signing import KEY, KEY_FILE, SigningKey
from eventstore.store import Store
from service.background.every import regularly

logger = logging.getLogger("custodiary.audit")


def checkpointing(store: Store, seconds: float) -> AbstractAsyncContextManager[None]:
    """Signs every so many seconds in the background, until the block ends; 0 is never. Raises SigningKeyError."""
    if not seconds:
        return nullcontext()
    key = SigningKey.from_environment()
    if key is None:
        logger.warning("the log is not signed, because neither %s nor %s is set", KEY, KEY_FILE)
        return nullcontext()

    async def work() -> None:
        # Several processes take turns, whose clocks and rounds differ a little.
        await sign_new(store.pool, key, unless_within=seconds / 2)

    return regularly(seconds, work, logger, "the log could not be signed")
