"""A process of the server that answers requests."""

import ctypes
import gc
import os
import signal
import sys

from litestar import Litestar

from api.app import create_app
from api.edge.stalled_clients import give_up_on_idle_takers
from api.process.settings import BadSetting, Settings

PR_SET_PDEATHSIG = 1
# A request makes some hundreds of objects, most of which end with it.
GC_THRESHOLDS = 20_000, 20, 20


def create_worker_app() -> Litestar:
    """The service by the environment's settings, of which DATABASE_URL must be one."""
    _end_with_parent()
    _end_when_told()
    settings = Settings.from_environment()
    if settings.database_url is None:
        raise BadSetting("DATABASE_URL", "is missing")
    app = create_app(settings, settings.database_url.reveal())
    give_up_on_idle_takers(app, settings.client_seconds)
    gc.freeze()  # all that was imported and put together stays, and need not be looked through again and again
    gc.set_threshold(*GC_THRESHOLDS)
    return app


def _end_with_parent() -> None:
    """A killed server must not leave workers behind that hold its port and its store.

    They are killed, too: one that was already told to end would hang for ever, told a second time.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_when_told() -> None:
    """Lets only the main process end a worker: a second signal, by Ctrl-C, makes granian's worker hang.

    Until it has handlers of its own, the inherited ones would swallow the signal.
    """
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
