"""Other processes, and what they cost: CPU time and memory of one and all that it has started."""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from contextlib import suppress

import asyncpg
import psutil

from benchmarks.harness import COUNT, Figures, Run

MEGABYTE = 1_000_000
CPU, POSTGRES_CPU = "CPU µs", "PostgreSQL CPU µs"  # for each, of whoever does it, and of all of PostgreSQL's processes


async def costed(run: Run, processes: Mapping[str, psutil.Process], seconds: float) -> Figures:
    """The figures of a run, with the CPU time that it took of each process."""
    before = {name: cpu_seconds(process) for name, process in processes.items()}
    figures = await run(seconds)
    spent = {name: cpu_seconds(process) - before[name] for name, process in processes.items()}
    return figures | {name: took / figures[COUNT] * 1e6 for name, took in spent.items()}


async def completed(command: Sequence[str], told: bytes = b"") -> bytes:
    """What it said. It ends with whoever waits for it. Raises RuntimeError with what it complained of."""
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    try:
        said, complained = await process.communicate(told)
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {complained.decode()}")
    return said


def tree(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def cpu_seconds(process: psutil.Process) -> float:
    """CPU time, also of children that have ended."""
    while True:
        ended = process.cpu_times()
        with suppress(psutil.NoSuchProcess):  # one that ends meanwhile, and then is among those that have
            times = [each.cpu_times() for each in tree(process)]
            return sum(each.user + each.system for each in times) + ended.children_user + ended.children_system


def memory(process: psutil.Process) -> float:
    """Resident, in megabytes; what processes share counts for each of them."""
    resident = 0
    for each in tree(process):
        with suppress(psutil.NoSuchProcess):
            resident += each.memory_info().rss
    return resident / MEGABYTE


async def postgres(dsn: str) -> psutil.Process:
    """The server's first process, which all others come from."""
    connection = await asyncpg.connect(dsn)
    try:
        own = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
        parent = own.parent()
    finally:
        await connection.close()
    assert parent is not None
    return parent
