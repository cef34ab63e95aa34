"""Health in words: what the service knows of itself, and what of it needs somebody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from api.console.filters import number
from api.handling.readiness import Standing
from api.handling.serving import Service
from api.presentation.story.words import listed
from eventstore.chain.checkpoints import newest
from eventstore.store import Store
from projections.checks.findings import Known
from projections.models.webhooks import WebhookRow
from service import replays
from service.relay.report import RelayState, relays
from service.replays import Outstanding
from service.webhooks import endpoints
from service.webhooks.delivery.reading import EndpointLag

State: TypeAlias = Literal["", "good", "warn", "bad"]


LATE = 60.0  # seconds, after which somebody should look why events were not relayed or sent


class HealthFact(NamedTuple):
    """One line. What is not good has the path of the screen where it is put right."""

    name: str
    words: str
    state: State = ""
    path: str = ""
    at: datetime | None = None


class HealthView(NamedTuple):
    facts: list[HealthFact]

    @property
    def needs_somebody(self) -> list[HealthFact]:
        return [fact for fact in self.facts if fact.state in {"warn", "bad"}]


async def health(service: Service) -> HealthView:
    standing = await service.readiness.now()
    if standing.unready is not None:
        return HealthView([_database(standing)])
    head = await service.store.log.head(service.store.pool)
    return HealthView([
        _database(standing), *_figures(standing.drift), HealthFact("Log", f"position {number(head)}"),
        await _signed(service.store, head), _replays(await replays.outstanding(service.store)),
        *map(_relay, await relays(service.store.pool)), *_webhooks(await endpoints.listed(service.store)),
    ])  # fmt: skip


def _database(standing: Standing) -> HealthFact:
    if standing.unready is None:
        return HealthFact("Database", "takes writes", "good")
    return HealthFact("Database", f"can't be written: {standing.unready.replace('_', ' ')}", "bad")


def _figures(known: Known | None) -> list[HealthFact]:
    if known is None:
        return [HealthFact("Figures", "not verified yet", "warn", "/console/drift")]
    customers = f"{number(known.checked)} customer{'s' * (known.checked != 1)}"
    verified = HealthFact("Verified", customers, at=known.checked_at)
    wrong = {"drift": known.drifted, "can't be verified": known.unverified}
    if not any(wrong.values()):
        return [HealthFact("Figures", "as events say", "good"), verified]
    words = ", ".join(f"{number(count)} {what}" for what, count in wrong.items() if count)
    return [HealthFact("Figures", words, "warn", "/console/drift"), verified]


async def _signed(store: Store, head: int) -> HealthFact:
    checkpoint = await newest(store.pool)
    if checkpoint is None:
        return HealthFact("Signed", "not yet" if head else "nothing to sign", path="/console/audit")
    if (statement := checkpoint.read()) is None:
        return HealthFact("Signed", "the last signature does not fit", "bad", "/console/audit")
    return HealthFact("Signed", f"up to {number(statement.until)}", at=statement.signed_at)


def _relay(state: RelayState) -> HealthFact:
    name = f"Relay {state.name}"
    if state.problem is not None:
        return HealthFact(name, state.problem, "bad")
    if state.seconds > LATE:
        return HealthFact(name, f"{number(state.events)} event{'s' * (state.events != 1)} behind", "warn")
    return HealthFact(name, "up to date", "good")


def _webhooks(found: Sequence[tuple[WebhookRow, EndpointLag | None]]) -> list[HealthFact]:
    """Nothing where there is no webhook."""
    stopped = [row.id for row, _ in found if row.paused in {"gone", "failing"}]
    behind = [row.id for row, lag in found if not row.paused and lag and _is_behind(lag)]
    problems = [(stopped, "paused after failures"), (behind, "behind")]
    if words := ", ".join(f"{listed(map(str, ids))} {what}" for ids, what in problems if ids):
        return [HealthFact("Webhooks", words, "warn", "/console/feeds")]
    return [HealthFact("Webhooks", "none is behind", "good")] if found else []


def _is_behind(lag: EndpointLag) -> bool:
    return lag.failing_since is not None or lag.customers_held_up > 0 or lag.lag_seconds > LATE


def _replays(of: Outstanding) -> HealthFact:
    problems = [(of.interrupted, "was interrupted"), (of.ready, "waits to be swapped"), (of.failed, "failed")]
    needing = [f"#{ids[-1]} {what}" for ids, what in problems if ids]
    if needing:
        return HealthFact("Replays", ", ".join(needing), "warn", "/console/replays")
    if of.running:
        return HealthFact("Replays", f"#{of.running[-1]} is running", path="/console/replays")
    return HealthFact("Replays", "none waits")
