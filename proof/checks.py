"""What must be so when all is over, whatever has gone wrong: the log, its followers, read models and claims."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from domain.event import Claim, Forgotten, Stream
from domain.events import DECIDERS
from eventstore.postgres.stream_ids import from_uuid
from eventstore.store import Store
from projections.fold.fold import fold_range
from projections.fold.ranges import EVERYTHING, split
from projections.models import PROJECTIONS
from proof.feed import Arrived, Sent, fed_from, sent_to_webhooks
from proof.follower import line
from proof.journal import NOT_WRITTEN, OPEN, Line, Outcome
from tests.eventstore.acts import BY
from tests.eventstore.arriving import versions_with_gaps
from tests.eventstore.chained import unchained
from tests.projections.rows import Rows, live

CLAIMS = "SELECT kind, value, originator_id FROM claims"
# A command's events are written by one transaction, or it was carried out more than once.
WRITTEN = """
    SELECT request_id, count(*) AS events, count(DISTINCT xmin::text) AS times FROM stored_events
    WHERE request_id <> $1 GROUP BY request_id"""


class Check(NamedTuple):
    """`examined` is of how many things it was asked whether they are so, `wrong` are those that aren't."""

    promise: str
    examined: int
    wrong: list[str]


class Written(NamedTuple):
    events: int
    times: int


NOTHING = Written(0, 0)


async def check(store: Store, commands: Mapping[str, Line], seen: Iterable[Path], arrived: Arrived) -> list[Check]:
    """`seen` are files of those who follow the log itself."""
    return [
        *check_commands(commands, await _written(store)),
        await _check_versions(store),
        await _check_chain(store),
        *[check_follower(path.name, path.read_text().splitlines(), await _lines(store)) for path in seen],
        *[check_follower(name, lines, await fed_from(store.pool)) for name, lines in arrived.followers.items()],
        *[
            check_receiver(order, lines, await sent_to_webhooks(store.pool), by_customer=order == "customer")
            for order, lines in arrived.webhooks.items()
        ],
        await _check_read_models(store),
        await _check_claims(store),
    ]


def check_commands(commands: Mapping[str, Line], written: Mapping[str, Written]) -> list[Check]:
    """What each command left in the log, beside what it was told."""

    def check(promise: str, outcomes: Iterable[Outcome], *, all_: bool, nothing: bool) -> Check:
        among = [command for command in commands.values() if command.outcome in outcomes]
        wrong = []
        for command in among:
            left = written.get(command.id, NOTHING)
            if not (all_ and _is_all(command, left)) and not (nothing and left == NOTHING):
                wrong.append(f"{command} left {left.events} events in {left.times} transactions")
        return Check(promise, len(among), wrong)

    strangers = [f"{id_} was sent by nobody" for id_ in written if id_ not in commands]
    return [
        check("acknowledged commands are in the log, once", ["acknowledged"], all_=True, nothing=False),
        check("commands that were refused or failed are not", NOT_WRITTEN, all_=False, nothing=True),
        check("commands without an answer are, once, or are not", OPEN, all_=True, nothing=True),
        Check("what is in the log was sent by somebody", len(written), strangers),
    ]


def _is_all(command: Line, left: Written) -> bool:
    """Every event that the command leads to, and no more, by one transaction."""
    return left.times == (1 if left.events else 0) and command.events in {None, left.events}


def check_follower(name: str, seen: list[str], stored: list[str]) -> Check:
    """Every event, once, in order, and none that is not in the log."""
    positions = [int(each.split()[0]) for each in seen]
    wrong = [
        *(f"skipped: {each}" for each in sorted(set(stored) - set(seen))),
        *(f"seen, and not in the log: {each}" for each in sorted(set(seen) - set(stored))),
        *(f"{later} seen after {earlier}" for earlier, later in pairwise(positions) if later <= earlier),
    ]
    return Check(f"{name} saw every event, once, in order", len(seen), wrong)


def check_receiver(order: str, lines: list[str], sent: Sequence[Sent], *, by_customer: bool) -> Check:
    """Every event, in order for all or for each customer, and an erasure at its turn or before it. Any may be repeated.

    What is sent again has the same id, or it counts as another event.
    """

    def lane(each: Sent) -> str:
        return each.line if each.is_erasure else each.about if by_customer else "all"

    known = {each.line: each for each in sent}
    seen, stored, wrong = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list), []
    for event in dict.fromkeys(lines):
        if event not in known:
            wrong.append(f"received, and not in the log: {event}")
        elif known[event].is_due:
            seen[lane(known[event])].append(event)
    for each in sent:
        if each.is_due:
            stored[lane(each)].append(each.line)
    wrong += [fault for name, its in stored.items() for fault in check_follower(order, seen[name], its).wrong]
    return Check(f"webhooks in order of {order} got every event, in order", len(lines), wrong)


async def _written(store: Store) -> dict[str, Written]:
    rows = await store.pool.fetch(WRITTEN, BY.request_id)
    return {id_: Written(events, times) for id_, events, times in rows}


async def _lines(store: Store) -> list[str]:
    return [line(recorded) async for page in store.log.pages(store.pool) for recorded in page]


async def _check_versions(store: Store) -> Check:
    streams = await store.pool.fetchval("SELECT count(DISTINCT originator_id) FROM stored_events")
    gaps = await versions_with_gaps(store)
    return Check("streams have versions without gaps", streams, [str(from_uuid(row[0])) for row in gaps])


async def _check_chain(store: Store) -> Check:
    events = await store.pool.fetchval("SELECT count(*) FROM stored_events")
    wrong = [f"version {version} of {id_}" for id_, version in await unchained(store)]
    return Check("every event is chained to its predecessor", events, wrong)


async def _check_read_models(store: Store) -> Check:
    rows, true = await live(store), await _folded(store)
    wrong = [
        f"{name} {id_}: {rows[name].get(id_)} where the events give {true[name].get(id_)}"
        for name in rows
        for id_ in sorted(rows[name].keys() | true[name].keys())
        if rows[name].get(id_) != true[name].get(id_)
    ]
    return Check("rows of read models are what the events give", sum(map(len, true.values())), wrong)


async def _folded(store: Store) -> Rows:
    rows: Rows = {projection.name: {} for projection in PROJECTIONS}
    head = await store.log.head(store.pool)
    for whole in EVERYTHING:
        async for ids in split(store.pool, whole):
            folded = await fold_range(store.pool, store.log, ids, head)
            for name, some in folded.rows.items():
                rows[name] |= some
    return rows


async def _check_claims(store: Store) -> Check:
    held, true = await claims(store), await claims_of_the_log(store)
    wrong = [
        f"{claim} is held by {held.get(claim)}, and by its events {true.get(claim)}"
        for claim in sorted(held.keys() | true.keys())
        if held.get(claim) != true.get(claim)
    ]
    return Check("claims are what the events give", len(true), wrong)


async def claims(store: Store) -> dict[Claim, Stream]:
    rows = await store.pool.fetch(CLAIMS)
    return {Claim(kind, value): from_uuid(originator_id) for kind, value, originator_id in rows}


async def claims_of_the_log(store: Store) -> dict[Claim, Stream]:
    states: dict[Stream, Any] = {}
    async for page in store.log.pages(store.pool):
        for recorded in page:
            decider = DECIDERS[recorded.stream.category]
            if not isinstance(recorded.event, Forgotten):
                states[recorded.stream] = decider.evolve(states.get(recorded.stream, decider.initial), recorded.event)
    return {claim: stream for stream, state in states.items() for claim in DECIDERS[stream.category].claims(state)}
