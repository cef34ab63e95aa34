"""How far each relay is, reported by itself, so that any process can tell."""

from datetime import datetime
from typing import NamedTuple

from eventstore.postgres.connection import Executor

REPORT = """
    INSERT INTO relays AS r (name, position, problem, reported_at)
    VALUES ($1, coalesce($2, 0), $3, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET
        position = coalesce($2, r.position), problem = excluded.problem, reported_at = excluded.reported_at"""
# One that was given up is forgotten after a week, and until then looks like one that does not work.
RELAYS = """
    SELECT name, problem, reported_at,
        greatest(0, coalesce((SELECT max(notification_id) FROM stored_events), 0) - position) AS events,
        coalesce((
            SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8 FROM stored_events
            WHERE notification_id > position ORDER BY notification_id LIMIT 1), 0) AS seconds
    FROM relays WHERE reported_at > clock_timestamp() - interval '7 days' ORDER BY name"""


class RelayState(NamedTuple):
    """`problem` is why it has stopped until somebody chooses. It lags by so many events, the oldest of which was
    recorded so many seconds ago.
    """

    name: str
    problem: str | None
    reported_at: datetime
    events: int
    seconds: float


async def report(on: Executor, name: str, position: int | None = None, problem: str | None = None) -> None:
    """Without a position, the last one that was reported stays."""
    await on.execute(REPORT, name, position, problem)


async def relays(on: Executor) -> list[RelayState]:
    return [RelayState(*row) for row in await on.fetch(RELAYS)]
