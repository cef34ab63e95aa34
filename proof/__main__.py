"""`python -m proof [SECONDS] [--seed SEED] [--without-the-lock]`: faults for so long, and then the checks.

Ends with 1 and says what is wrong, if anything is. `--without-the-lock` breaks the log first, so that something is.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from api.process.tables import migrate
from eventstore.embedded.server import embedded
from eventstore.sealing.key_material import new_key
from eventstore.sealing.master_keys import KEY
from projections.database import open_store
from proof import disk
from proof.checks import Check, check
from proof.faults import Faults
from proof.house import SETTINGS, House, Stuck, prepare
from proof.journal import Line, read
from tests.eventstore.acts import break_append

SECONDS = 300
SHOWN = 20  # of what is wrong with one promise


async def prove(where: Path, data: Path, asked: argparse.Namespace, *, has_disk: bool) -> bool:
    """Whether all is well."""
    os.environ.setdefault(KEY, new_key())  # for every process
    with embedded(data, SETTINGS) as dsn:
        await migrate(dsn)
        async with open_store(dsn) as store:
            await prepare(store)
            if asked.without_the_lock:
                await break_append(store)
        house = House(where, data, dsn, asked.seed, has_disk=has_disk)
        faults = Faults(house, asked.seed)
        stuck: list[str] = []
        try:
            await house.answers()
            await house.subscribe()
            await faults.make(asked.seconds, each=not asked.without_the_lock)
            await house.settle()
        except Stuck as error:
            stuck = [str(error)]
        finally:
            await house.close()
        commands = read(house.journals.iterdir())
        async with open_store(dsn) as store:
            checks = await check(store, commands, house.seen, house.arrived())
    ended = [how for process in house.everybody for how in process.ended_badly]
    checks += [
        Check("processes end when they are killed or told to", len(house.everybody), ended),
        Check("nothing is waited for in vain", 1, stuck),
        Check("faults of every kind were made", sum(faults.made.values()), faults.never_made),
        Check("commands of every process went in", len(commands), house.idle()),
    ]
    report(commands, faults, checks)
    return not any(each.wrong for each in checks)


def report(commands: Mapping[str, Line], faults: Faults, checks: list[Check]) -> None:
    outcomes = Counter(_told(command) for command in commands.values())
    again = sum(command.again for command in commands.values())
    for title, counts in (("commands", outcomes), ("faults", faults.made)):
        print(f"{title:<56}{sum(counts.values()):>10,}")
        for name, number in counts.most_common():
            print(f"  {name:<54}{number:>10,}")
    print(f"  {'requests sent again under the same key':<54}{again:>10,}")
    for kind, why in faults.skipped.items():
        print(f"  {kind}: skipped, {why}")
    print("checks")
    for each in checks:
        print(f"  {each.promise:<54}{each.examined:>10,}  {f'{len(each.wrong):,} WRONG' if each.wrong else 'ok'}")
    for each in checks:
        for wrong in each.wrong[:SHOWN]:
            print(f"WRONG: {each.promise}: {wrong}")
    sys.stdout.flush()


def _told(command: Line) -> str:
    match command.outcome:
        case "sent":
            return "never answered"
        case "failed":
            return f"failed: {command.detail}"
        case outcome:
            return outcome


@contextmanager
def _place() -> Iterator[tuple[Path, Path, bool]]:
    """Where journals go, where the data, and whether that is a disk that can be full."""
    with tempfile.TemporaryDirectory(prefix="custodiary-proof-") as name:
        where = Path(name)
        where.chmod(0o711)  # so that the server's account gets there when root runs this
        disk_place = where / "disk"
        disk_place.mkdir(mode=0o711)
        has_disk = disk.mount(disk_place)
        try:
            yield where, disk_place / "data", has_disk
        finally:
            if has_disk:
                disk.unmount(disk_place)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m proof", description="Check the log's promises under faults.")
    parser.add_argument("seconds", nargs="?", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--without-the-lock", action="store_true", help="with a log that is broken on purpose")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it cleans up before it ends
    print(f"{asked.seconds:.0f} s of faults, seed {asked.seed}", flush=True)
    with _place() as (where, data, has_disk):
        all_is_well = asyncio.run(prove(where, data, asked, has_disk=has_disk))
    print("all is as promised" if all_is_well else f"NOT AS PROMISED, with seed {asked.seed}")
    sys.exit(not all_is_well)


if __name__ == "__main__":
    main()
