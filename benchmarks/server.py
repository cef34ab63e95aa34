"""A server of a benchmark's own, as `make run` starts one."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from eventstore.embedded import embedded
from eventstore.masters import KEY, new_master_key


@contextmanager
def own_server(settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The DSN of an empty database, gone afterwards."""
    os.environ.setdefault(KEY, new_master_key())
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o711)  # so that the server's account gets there when root runs this
        with embedded(Path(directory), settings) as dsn:
            yield dsn
