"""Every customer's figures under another rule, compared with the current one; nothing live is changed."""

from collections.abc import Callable
from decimal import Decimal
from heapq import nlargest

import msgspec

from domain.value import RULE, RULES, Rule, average, figures
from eventstore.store import Store
from projections.fold.ranges import EVENTS, Range, split
from projections.fold.stats import Valued, values_in_range

MOVED = ("ltv", "purchase_count", "aov")
SHOWN = 10  # of those who move furthest, each way

Amount = int | Decimal


class Mover(msgspec.Struct, frozen=True):
    customer_id: int
    before: Amount
    after: Amount

    @property
    def by(self) -> Amount:
        return self.after - self.before


class Movement(msgspec.Struct):
    """One figure: of all customers together before and after, how many go which way, and who goes furthest."""

    before: Amount = 0
    after: Amount = 0
    up: int = 0
    down: int = 0
    unchanged: int = 0
    furthest_up: list[Mover] = []
    furthest_down: list[Mover] = []

    def add(self, movers: list[Mover]) -> None:
        up, down = [each for each in movers if each.by > 0], [each for each in movers if each.by < 0]
        self.before += sum(each.before for each in movers)
        self.after += sum(each.after for each in movers)
        self.up += len(up)
        self.down += len(down)
        self.unchanged += len(movers) - len(up) - len(down)
        self.furthest_up = nlargest(SHOWN, self.furthest_up + up, key=lambda each: (each.by, -each.customer_id))
        self.furthest_down = nlargest(SHOWN, self.furthest_down + down, key=lambda each: (-each.by, -each.customer_id))


class WhatIf(msgspec.Struct):
    """At a position of the log. Of who is `untold`, an event can't be applied; they are in no other number."""

    rule: str
    instead_of: str
    position: int
    customers: int = 0
    changed: int = 0
    untold: list[int] = []
    figures: dict[str, Movement] = msgspec.field(default_factory=lambda: {name: Movement() for name in MOVED})


async def what_if(store: Store, name: str, progress: Callable[[int, int], None], *, at_once: int = EVENTS) -> WhatIf:
    """Under the rule of this name, of `RULES`; from events alone, of which so many are folded in one go."""
    report = WhatIf(rule=name, instead_of=RULE.name, position=await store.log.head(store.pool))
    total: int = await store.pool.fetchval("SELECT count(*) FROM stored_events WHERE customer_id IS NOT NULL")
    events = 0
    async for ids in split(store.pool, Range("customer"), at_once):
        valued = await values_in_range(store.pool, store.log, ids, report.position)
        _add(report, valued, RULES[name])
        events += valued.events
        progress(min(events, total), total)
    of_all = report.figures
    # Averages do not add up.
    of_all["aov"].before = average(int(of_all["ltv"].before), int(of_all["purchase_count"].before))
    of_all["aov"].after = average(int(of_all["ltv"].after), int(of_all["purchase_count"].after))
    return report


def _add(report: WhatIf, valued: Valued, rule: Rule) -> None:
    pairs = [(id_, figures(values), figures(values, rule)) for id_, values in valued.values.items()]
    report.customers += len(pairs)
    report.changed += sum(before != after for _id, before, after in pairs)
    report.untold = sorted({*report.untold, *(id_ for poison in valued.poison for id_ in poison.ids)})
    for name, movement in report.figures.items():
        movement.add([Mover(id_, getattr(before, name), getattr(after, name)) for id_, before, after in pairs])
