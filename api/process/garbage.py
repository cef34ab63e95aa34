"""The garbage collector, in a process that works for long: with Python's own settings it takes a third of the time."""

import gc

# A request or a delivery makes some hundreds of objects, most of which end with it.
THRESHOLDS = 20_000, 20, 20


def collect_seldom() -> None:
    """Call it when all is imported: that stays, and need not be looked through again and again."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
