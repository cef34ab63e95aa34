"""A process of the server that answers requests."""

import asyncio
import os
import signal
from types import FrameType

from litestar import Litestar

from api.app import create_app
from api.edge.stalled_clients import give_up_on_idle_takers
from api.process.garbage import collect_seldom
from api.process.parent import end_with_parent
from api.process.settings import BadSetting, Settings


def create_worker_app() -> Litestar:
    """The service by the environment's settings, of which DATABASE_URL must be one."""
    end_with_parent()
    _end_when_told()
    settings = Settings.from_environment()
    if settings.database_url is None:
        raise BadSetting("DATABASE_URL", "is missing")
    app = create_app(settings, settings.database_url.reveal())
    give_up_on_idle_takers(app, settings.client_seconds)
    app.on_startup.append(_end_what_waits)
    collect_seldom()
    return app


def _end_when_told() -> None:
    """Lets only the main process end a worker: a second signal, by Ctrl-C, makes granian's worker hang.

    Until it has handlers of its own, the inherited ones would swallow the signal.
    """
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end_what_waits(app: Litestar) -> None:
    """When the process is told to end: granian would wait for streams, which have no end, until it kills it."""
    loop, former = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(app.state.service.following.end)
        if callable(former):
            former(number, frame)

    signal.signal(signal.SIGTERM, end)
