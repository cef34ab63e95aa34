"""When a message is sent again."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Seconds before each attempt, counted from the one before; then hourly, for as long as the endpoint is enabled.
WAITS = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
HOURLY = 3_600
JITTER = 0.1  # of the wait, more or less: those that failed together need not come back together
LONGEST = 86_400  # that a receiver may ask us to wait


def wait(failures: int) -> float:
    """Seconds until the next attempt, after so many that failed."""
    seconds = WAITS[failures] if failures < len(WAITS) else HOURLY
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - nobody gains by guessing it


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After asks for, in either of its forms; None where it says nothing that can be read."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return float(min(int(header[:9]), LONGEST))
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0), LONGEST)
