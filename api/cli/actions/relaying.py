"""`custodiary relay`: carry the log on into another system."""

import os
from collections.abc import Mapping

from api.cli.terminal.session import with_store
from api.process import logs
from api.process.garbage import collect_seldom
from api.process.settings import Settings
from service.relay.relay import Relay


def relay_to_nats(options: Mapping[str, str], after: int | None, *, rewind: bool) -> None:
    """Until it is interrupted. Raises BadSetting, RelayStopped."""
    settings = Settings.from_environment(os.environ | options)
    assert settings.nats is not None
    target = settings.nats
    logs.configure()
    collect_seldom()
    with_store(lambda store: Relay(store, target, settings.store_url, after=after, rewind=rewind).work())
