"""What a run has found, and on which machine."""

import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import asyncpg
import msgspec
import psutil

from benchmarks.harness import Found, Scale

RESULTS = Path(__file__).parent / "results"
LATEST = RESULTS / "latest.json"  # of a whole run
LAST = RESULTS / "last.json"  # of any other
SYNCS = 100


class Machine(msgspec.Struct):
    processor: str
    cores: int
    memory_gb: int
    system: str
    python: str
    postgresql: str
    sync_ms: float  # of 8 kB to the disk that the database is on


class Result(msgspec.Struct):
    began_at: datetime
    machine: Machine
    scale: Scale
    load: list[float] = []  # on the machine, by others too, before each section and at the end
    seconds: dict[str, float] = {}  # that each section took
    sections: dict[str, Found] = {}

    def write(self, path: Path) -> None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def read(path: Path) -> Result:
    return msgspec.json.decode(path.read_bytes(), type=Result)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def load() -> float:
    return round(os.getloadavg()[0], 2)


async def this_machine(dsn: str) -> Machine:
    connection = await asyncpg.connect(dsn)
    try:
        version: str = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return Machine(
        processor=_processor(),
        cores=psutil.cpu_count() or 0,
        memory_gb=round(psutil.virtual_memory().total / 2**30),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        postgresql=version,
        sync_ms=_sync_ms(),
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _sync_ms() -> float:
    """How long a commit must take at least."""
    times = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(SYNCS):
            file.write(bytes(8_192))
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - started) * 1_000)
    return round(median(times), 3)
