"""`python -m benchmarks [--quick] [SECTION …]`: measure, show, and write down.

All of it, at full length, renews the pages' figures; anything else is in results/last.json.
"""

import argparse
import signal
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import uvloop

from benchmarks import appends, beside, feed, growth, imports, lists, pages, replay, streams, web, webhooks
from benchmarks.harness import FULL, QUICK, Found, Scale
from benchmarks.report import Table, show
from benchmarks.result import LAST, LATEST, Result, load, now, this_machine
from benchmarks.server import own_server


class Section(NamedTuple):
    measure: Callable[[str, Scale], Awaitable[Found]]
    tables: tuple[Callable[[Found], Table], ...]


SECTIONS = {
    "appends": Section(appends.appends, (appends.table,)),
    "web": Section(web.web, (web.table, web.memory_table)),
    "growth": Section(growth.growth, (growth.table,)),
    "streams": Section(streams.streams, (streams.table,)),
    "imports": Section(imports.imports, (imports.table,)),
    "lists": Section(lists.lists, (lists.table,)),
    "feed": Section(feed.feed, (feed.table,)),
    "webhooks": Section(webhooks.webhooks, (webhooks.table, webhooks.beside_table)),
    "replay": Section(replay.replays, (replay.table,)),
    "beside": Section(beside.beside, (beside.table,)),
}
# Beside these, `make bench-replay` has those that take minutes, and show the same from one day to the next.
WHOLE = ("appends", "web", "growth", "streams", "imports", "lists", "feed", "webhooks")


async def _measured(server: str, names: list[str], scale: Scale) -> Result:
    result = Result(now(), await this_machine(server), scale)
    for name in names:
        result.load.append(load())
        started = time.perf_counter()
        section = SECTIONS[name]
        result.sections[name] = found = await section.measure(server, scale)
        result.seconds[name] = round(time.perf_counter() - started, 1)
        for table in section.tables:
            show(table(found))
    result.load.append(load())
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="a look: fewer rounds, smaller stores")
    asked = parser.parse_args()
    if unknown := set(asked.sections) - SECTIONS.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    # As Ctrl-C does: everything that was started is ended, everything that was made is removed.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    names = asked.sections or list(WHOLE)
    with own_server() as server:
        result = uvloop.run(_measured(server, names, QUICK if asked.quick else FULL))
    is_whole = names == list(WHOLE) and not asked.quick
    path = LATEST if is_whole else LAST
    result.write(path)
    if is_whole:
        pages.renew(result)
    seconds, loads = sum(result.seconds.values()), " ".join(map(str, result.load))
    print(f"{seconds:.0f} s, load {loads}; all of it is in benchmarks/results/{path.name}")


if __name__ == "__main__":
    main()
