"""A server of a benchmark's own, as `make run` starts one."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from eventstore.embedded import embedded


@contextmanager
def own_server(settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The DSN of an empty database, gone afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o711)  # so that the server's account gets there when root runs this
        with embedded(Path(directory), settings) as dsn:
            yield dsn
