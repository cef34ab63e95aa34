"""What the service counts of itself, for Prometheus: requests of all worker processes, and what the store knows."""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from time import perf_counter

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    values,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.access.access_log import Answered
from eventstore.chain.checkpoints import newest
from eventstore.store import Store
from projections.checks.findings import known
from projections.queries.webhooks import every_webhook
from service.relay.report import relays
from service.webhooks.delivery.reading import lags

# Where the processes of one server keep what they count, so that any of them can tell it of all.
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
NO_ROUTE = "none"  # of paths that nothing answers to: a label must not be what a stranger sends
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """What a process counts. Alone, it also tells of itself: memory, processor time, open files."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        if os.environ.get(DIRECTORY):
            # The library looks for the directory when it is imported, which may have been before the worker was forked.
            values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        else:
            ProcessCollector(registry=self._registry)
            PlatformCollector(registry=self._registry)
        self._requests = Counter(
            "custodiary_http_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "custodiary_http_request_seconds",
            "Seconds until the answer was sent.",
            ["method", "route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self._registry,
        )

    def counting(self, app: ASGIApp, answered: Answered) -> ASGIApp:
        """The application, with every request counted, those too that reach no route; `answered` is told of each."""

        @cache  # finding them by their labels takes longer than counting
        def of(method: str, route: str, status: str) -> tuple[Counter, Histogram]:
            return self._requests.labels(method, route, status), self._seconds.labels(method, route)

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
                return
            began, status = perf_counter(), "none"

            async def noticing(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            try:
                await app(scope, receive, noticing)
            finally:
                method = scope["method"] if scope["method"] in METHODS else "other"
                route = scope.get("path_template") or NO_ROUTE
                requests, seconds = of(method, route, status)
                requests.inc()
                taken = perf_counter() - began
                seconds.observe(taken)
                answered(scope, method, route, status, taken)

        return counted

    def told(self, more: Iterable[Metric]) -> bytes:
        """Metrics of all processes that share a directory, in Prometheus's text format."""
        registry = CollectorRegistry()
        if os.environ.get(DIRECTORY):
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(_Given(self._registry.collect))
        registry.register(_Given(lambda: more))
        return generate_latest(registry)


class _Given(Collector):
    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()


async def of_store(store: Store) -> list[Metric]:
    """Read when it is asked for, and so the same from every process."""
    told = {"custodiary_log_position": ("Position of the newest event.", float(await store.log.head(store.pool)))}
    if (last := await newest(store.pool)) and (statement := last.read()):
        told |= {
            "custodiary_checkpoint_position": ("Position up to which the log is signed.", float(statement.until)),
            "custodiary_checkpoint_timestamp_seconds": (
                "When the log was last signed.", statement.signed_at.timestamp(),
            ),
        }  # fmt: skip
    if drift := await known(store.pool):
        told |= {
            "custodiary_drifted_customers": ("Whose stored figures are not what the events give.", drift.drifted),
            "custodiary_unverified_customers": ("Whose figures can't be told from their events.", drift.unverified),
            "custodiary_verification_customers": ("Looked at by the last verification.", drift.checked),
            "custodiary_verification_timestamp_seconds": (
                "When the last verification ended.", drift.checked_at.timestamp(),
            ),
        }  # fmt: skip
    gauges = [GaugeMetricFamily(name, about, value) for name, (about, value) in told.items()]
    return [*gauges, *await _of_relays(store), *await _of_webhooks(store)]


async def _of_relays(store: Store) -> Sequence[Metric]:
    families = (
        GaugeMetricFamily("custodiary_relay_lag_events", "Events that were not relayed yet.", labels=["relay"]),
        GaugeMetricFamily("custodiary_relay_lag_seconds", "Age of the oldest of them.", labels=["relay"]),
        GaugeMetricFamily("custodiary_relay_stopped", "1 while it waits for somebody to choose.", labels=["relay"]),
    )
    for relay in await relays(store.pool):
        for family, value in zip(families, (relay.events, relay.seconds, relay.problem is not None), strict=True):
            family.add_metric([relay.name], float(value))
    return families


async def _of_webhooks(store: Store) -> list[Metric]:
    rows = await every_webhook(store.pool)
    now, behind = datetime.now(UTC), await lags(store, {row.id: row.types for row in rows})
    attempts = CounterMetricFamily(
        "custodiary_webhook_deliveries", "Attempts to deliver.", labels=["webhook", "result"]
    )
    events = GaugeMetricFamily("custodiary_webhook_lag_events", "Events yet to be sent.", labels=["webhook"])
    seconds = GaugeMetricFamily("custodiary_webhook_lag_seconds", "Age of the oldest of them.", labels=["webhook"])
    failing = GaugeMetricFamily("custodiary_webhook_failing_seconds", "Of nothing but failures.", labels=["webhook"])
    paused = GaugeMetricFamily("custodiary_webhook_paused", "Whether it is paused.", labels=["webhook"])
    for row in rows:
        paused.add_metric([str(row.id)], float(row.paused is not None))
        if lag := behind.get(row.id):
            attempts.add_metric([str(row.id), "success"], lag.succeeded)
            attempts.add_metric([str(row.id), "failure"], lag.failed)
            events.add_metric([str(row.id)], lag.lag_events)
            seconds.add_metric([str(row.id)], lag.lag_seconds)
            failing.add_metric([str(row.id)], (now - lag.failing_since).total_seconds() if lag.failing_since else 0.0)
    return [attempts, events, seconds, failing, paused]
