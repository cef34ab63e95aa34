"""The process that keeps the embedded server: `python -m eventstore.embedded.keeper DIRECTORY [NAME=VALUE …]`.

Started by `eventstore.embedded.server`, which hands it `keeper.lock` already held. It starts PostgreSQL, starts it
again when it dies, and stops it when the last user has gone. What it says goes to postgres.log.
"""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from eventstore.embedded.cluster import FAST_SHUTDOWN, LINUX, Cluster
from eventstore.embedded.server import USERS, EmbeddedError, open_private

# Seconds in which a start that is refused is tried again: where a killed server's processes cannot be found and ended,
# they end by themselves, and until then hold the shared memory.
PATIENCE = 0 if LINUX else 10


def main(directory: Path, settings: Sequence[str]) -> None:
    os.umask(0o077)
    cluster = Cluster(directory)
    cluster.make()
    cluster.clear_remains()
    cluster.open_socket_directory()
    if os.fork():  # whoever started us goes on, and init inherits what follows
        return
    try:
        _keep(cluster, settings)
    finally:
        cluster.close_socket_directory()


def _keep(cluster: Cluster, settings: Sequence[str]) -> None:
    server: subprocess.Popen[bytes] | None = None
    last_user_left = threading.Event()
    users = open_private(cluster.directory / USERS, os.O_RDONLY)  # closed by our end: until then nobody joins

    def stop_after_the_last_user() -> None:
        fcntl.flock(users, fcntl.LOCK_EX)
        last_user_left.set()
        if server:
            server.send_signal(FAST_SHUTDOWN)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the keeper was told to end"))
    threading.Thread(target=stop_after_the_last_user, daemon=True).start()
    patient_until = time.monotonic() + PATIENCE
    while not last_user_left.is_set():
        # From the main thread: a server is told of its parent's death when the thread that started it ends.
        server = cluster.start_server(settings)
        if last_user_left.is_set():  # since the line above, when there was no server to stop
            server.send_signal(FAST_SHUTDOWN)
        try:
            refused_to_start = server.wait() > 0  # as against killed, or stopped by somebody else
        finally:
            server.send_signal(FAST_SHUTDOWN)  # does nothing to one that has ended
            server.wait()
        if not refused_to_start:
            patient_until = time.monotonic() + PATIENCE
        elif time.monotonic() >= patient_until:
            sys.exit("PostgreSQL ended by itself")
        else:
            time.sleep(0.2)
        sys.stderr.write(f"The keeper starts PostgreSQL again, which ended with {server.returncode}.\n")
        sys.stderr.flush()
        cluster.clear_remains()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2:])
    except EmbeddedError as refusal:
        sys.exit(str(refusal))
