"""What the whole store took by day, and who came: summed from the log, and brought on when somebody looks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple, TypeAlias

from domain.customer import CustomerErased, CustomerRegistered
from domain.events import EVENTS
from domain.value import RULE
from eventstore.postgres.connection import Connection, Executor
from eventstore.postgres.sql import stored_as
from eventstore.store import Store
from projections.fold.past import EVENTS_AT_ONCE
from projections.fold.ranges import Range, split
from projections.fold.stats import VALUED, Valued, values_in_range, values_of

VERSION = 1  # of what is summed, besides the rule
FINGERPRINT = f"{RULE.name} {RULE.version} {VERSION}"

# A position is no identity: after a failover that lost events, others may be at theirs. A digest is.
NEWS = """
    SELECT u.position, u.fingerprint, at.digest, coalesce(newest.notification_id, 0) AS head,
        newest.digest AS head_digest
    FROM figures_by_day_until AS u LEFT JOIN stored_events AS at ON at.notification_id = u.position
        LEFT JOIN (SELECT notification_id, digest FROM stored_events ORDER BY notification_id DESC LIMIT 1) AS newest
            ON true"""
READ = f"""
    SELECT u.*, d.day, d.net, d.orders, d.customers FROM ({NEWS}) AS u LEFT JOIN figures_by_day AS d ON true"""
# Whose orders may be worth something else, or who came or went. An event of a kind that we don't know may do anything.
WITHOUT_VALUE = [event for event in EVENTS if event not in {*VALUED, CustomerRegistered, CustomerErased}]
TOUCHED = f"""
    SELECT DISTINCT id FROM stored_events CROSS JOIN LATERAL (VALUES (customer_id), (former_customer_id)) AS whose (id)
    WHERE notification_id > $1 AND notification_id <= $2 AND id IS NOT NULL
        AND topic NOT IN {stored_as(*WITHOUT_VALUE)}"""
# A registration is the first event of its stream.
REGISTERED = """
    SELECT (e.occurred_at AT TIME ZONE 'UTC')::date AS day, count(*) AS customers
    FROM unnest($1::bigint[]) AS id JOIN stored_events AS e
        ON e.originator_id = customer_stream(id) AND e.originator_version = 1
    GROUP BY 1"""
# Only from where the sum began, as another process may have been quicker; and only to an event that is still there.
BRING_ON = """
    UPDATE figures_by_day_until SET position = $1 WHERE position = $2 AND fingerprint = $3
        AND EXISTS (SELECT FROM stored_events WHERE notification_id = $1 AND digest = $4) RETURNING position"""
ADD = """
    INSERT INTO figures_by_day AS d (day, net, orders, customers)
    SELECT * FROM unnest($1::date[], $2::numeric[], $3::bigint[], $4::bigint[])
    ON CONFLICT (day) DO UPDATE SET
        net = d.net + excluded.net, orders = d.orders + excluded.orders, customers = d.customers + excluded.customers"""
RESET = """
    UPDATE figures_by_day_until SET position = 0, fingerprint = $1 WHERE fingerprint <> $1 RETURNING position"""

AT_A_TIME = 300  # customers, between whom the process does other things
A_TENTH = 10  # of the log: where more is new, summing all anew reads less than each customer's history twice


class Sums(NamedTuple):
    """`net` in the smallest unit of the store's currency; `customers` are those who registered."""

    net: Counter[date]
    orders: Counter[date]
    customers: Counter[date]

    @property
    def days(self) -> list[date]:
        """Those with anything, in order."""
        return sorted({day for sums in self for day, count in sums.items() if count})


Unit: TypeAlias = Literal["day", "month", "year"]


LONGEST: Mapping[Unit, int] = {"day": 1, "month": 31, "year": 366}  # in days


class Period(NamedTuple):
    """What the days from `first` to the next period's add up to."""

    first: date
    net: int
    orders: int
    customers: int


class Summed(NamedTuple):
    """`sums` hold all events up to `position`; `head` is the log's last; the digests are of the events at these two.
    `is_ours` unless another version sums them.
    """

    sums: Sums
    position: int
    digest: bytes | None
    head: int
    head_digest: bytes | None
    is_ours: bool


async def read(on: Executor, known: Summed | None = None) -> Summed:
    """What is known already is not read again."""
    if known is not None and known.is_ours:
        [(position, _fingerprint, digest, head, head_digest)] = await on.fetch(NEWS)
        if (position, digest) == (known.position, known.digest):
            return known._replace(head=head, head_digest=head_digest)
    rows = await on.fetch(READ)
    sums, (position, fingerprint, digest, head, head_digest, *_) = _nothing(), rows[0]
    for *_, day, net, orders, customers in rows:
        if day is not None:
            sums.net[day], sums.orders[day], sums.customers[day] = int(net), orders, customers
    return Summed(sums, position, digest, head, head_digest, fingerprint == FINGERPRINT)


async def bring_on(store: Store, summed: Summed) -> Summed:
    """The sums at the log's end, which are written for all processes."""
    until, added = summed.head, _nothing()
    if not 0 <= (until - summed.position) * A_TENTH <= until:
        _add(added, summed.sums, -1)
        async for ids in split(store.pool, Range("customer"), EVENTS_AT_ONCE):
            await _sum(added, store.pool, await values_in_range(store.pool, store.log, ids, until))
    else:
        touched = [row[0] for row in await store.pool.fetch(TOUCHED, summed.position, until)]
        for start in range(0, len(touched), AT_A_TIME):
            await _sum_anew(added, store, touched[start : start + AT_A_TIME], summed.position, until)
    await _write(store, summed, added)
    _add(added, summed.sums)
    return summed._replace(sums=added, position=until, digest=summed.head_digest)


def periods(sums: Sums, unit: Unit) -> list[Period]:
    """The days, months or years in which there is anything, in order."""
    together: dict[date, list[int]] = {}
    for which, by_day in enumerate(sums):
        for day, count in by_day.items():
            if count:
                together.setdefault(_start(unit, day), [0, 0, 0])[which] += count
    return [Period(start, *together[start]) for start in sorted(together)]


def unbroken(known: Iterable[Period], unit: Unit, first: date, last: date) -> list[Period]:
    """The period of the first date, of the last, and all between, those with nothing included."""
    by_start = {period.first: period for period in known}
    return [by_start.get(start) or Period(start, 0, 0, 0) for start in _starts(unit, first, last)]


async def reset(on: Connection) -> None:
    """Where another version's code summed them, nothing is summed yet."""
    async with on.transaction():
        if await on.fetchval(RESET, FINGERPRINT) is not None:
            await on.execute("DELETE FROM figures_by_day")


def _start(unit: Unit, day: date) -> date:
    match unit:
        case "day":
            return day
        case "month":
            return day.replace(day=1)
        case "year":
            return day.replace(month=1, day=1)


def _starts(unit: Unit, first: date, last: date) -> Iterator[date]:
    start, longest = _start(unit, first), timedelta(days=LONGEST[unit])
    while start <= last:
        yield start
        if start > date.max - longest:
            return
        start = _start(unit, start + longest)


def _nothing() -> Sums:
    return Sums(Counter(), Counter(), Counter())


async def _sum_anew(added: Sums, store: Store, ids: Sequence[int], after: int, until: int) -> None:
    """What is new of these customers: all that there is of them, without what there was."""
    before = _nothing()
    await _sum(before, store.pool, await values_of(store.pool, store.log, ids, after))
    await _sum(added, store.pool, await values_of(store.pool, store.log, ids, until))
    _add(added, before, -1)


async def _sum(sums: Sums, on: Executor, valued: Valued) -> None:
    for values in valued.values.values():
        for order in values:
            if RULE.is_counted(order):
                day = order.created_at.date()
                sums.net[day] += RULE.contribution(order)
                sums.orders[day] += 1
    for day, customers in await on.fetch(REGISTERED, list(valued.values)):
        sums.customers[day] += customers


def _add(sums: Sums, others: Sums, sign: int = 1) -> None:
    for own, other in zip(sums, others, strict=True):
        for day, count in other.items():
            own[day] += sign * count


async def _write(store: Store, summed: Summed, added: Sums) -> None:
    """What is new from the position of `summed` to its head."""
    days, args = added.days, (summed.head, summed.position, FINGERPRINT, summed.head_digest)
    async with store.pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(BRING_ON, *args) is not None:
            await connection.execute(ADD, days, *([sums[day] for day in days] for sums in added))
