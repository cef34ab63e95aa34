"""The composition root: everything that the service is made of, put together."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import HTTPScope, Message, Scope

from api.access.access_log import is_logged, logging_access
from api.access.authenticator import open_authenticator
from api.access.rate_limit import RateLimit, tell_standing
from api.access.sender import behind, sender
from api.console import pages
from api.console.screens import console
from api.edge.browsers import cors, telling_browsers
from api.edge.head import answering_head
from api.edge.limits import guarding
from api.edge.limits import in_json as shown_in_json
from api.handling.errors import exception_handlers, in_json
from api.handling.metrics import Metrics
from api.handling.readiness import readiness
from api.handling.refusal_table import REFUSALS
from api.handling.serving import AnyRequest, Service, authorise, request_id, request_id_of
from api.http.docs_page import DOCS, DocsPage, docs_assets
from api.http.paths import BASE, CONSOLE
from api.http.refusals import HttpRefusal
from api.http.request import MAX_BODY_BYTES
from api.http.routes import Routes
from api.http.turns import Streams, Turns
from api.openapi.document import DocumentConfig
from api.process.job_runner import JobRunner
from api.process.logs import log_lost
from api.process.settings import NameMode, Settings
from api.rest import (
    addresses,
    customers,
    figures,
    health,
    history,
    labels,
    lists,
    orders,
    privacy,
    replays,
    users,
)
from api.rest import credentials as application_passwords
from api.rest.feed import deliveries, events, webhooks
from eventstore.postgres.sessions import SESSION
from eventstore.postgres.watch import reachable
from eventstore.store import Store
from projections.database import store_at
from projections.fold.past import open_pasts
from projections.queries.customers import finding_together
from projections.queries.pages import open_lists
from projections.queries.totals import Totals
from projections.queries.webhooks import count_webhooks
from service.background.checkpointer import checkpointing
from service.background.erased import noting
from service.background.every import regularly
from service.background.forgetting import forgetting
from service.background.sampler import sampling
from service.background.summing import summing
from service.feed.following import Following
from service.fields.places import is_country
from service.replays import is_any_unfinished
from service.users import finding_free_users

logger = logging.getLogger("custodiary")

RESOURCES = (
    lists, customers, figures, addresses, users, orders, labels, history, privacy, replays,
    application_passwords, events, webhooks, deliveries,
)  # fmt: skip
OUTSIDE = (health.live, health.ready, health.metrics)
CONNECTIONS = 20
# More than any lock of ours is held; telling a past may take longer. Every statement finds its rows by keys, whatever
# the values are, and PostgreSQL would plan those with a short array anew for ever.
SERVING = {"statement_timeout": "40s", "plan_cache_mode": "force_generic_plan"}
DELIVERER_SECONDS = 2.0  # after which a webhook of a store that had none is noticed, or that its process has ended
# Lists as of a past, in this process. Each takes seconds, and tables of the server's.
AT_ONCE = 2
WAITING = 8


def create_app(settings: Settings, database_url: str) -> Litestar:
    """The service on a migrated database, which may be another at each start: `app.state.database_url`."""
    counts = Metrics()
    handlers = [handler for resource in RESOURCES for handler in resource.HANDLERS]
    app = Litestar(
        [Routes(BASE, route_handlers=handlers, before_request=authorise), *OUTSIDE, docs_assets(), console()],
        lifespan=[partial(_serving, settings=settings, counts=counts)],
        state=State({"database_url": database_url}),
        exception_handlers=exception_handlers(REFUSALS, request_id, _respond),
        before_send=[_name_request, *([tell_standing] if settings.rate_limit else [])],
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        cors_config=cors(settings),
        openapi_config=_openapi(handlers, settings.name_mode),
    )
    # Around all of it: middleware does not see what reaches no route.
    guarded = guarding(app.asgi_handler, settings.client_seconds, settings.cors_origins, show=_show)
    access = logging_access(
        request_id_of, lambda scope: app.state.service.authenticator.throttle.alias(sender(scope).network)
    )
    answering = counts.counting(answering_head(telling_browsers(guarded, settings.hsts_seconds)), access)
    app.asgi_handler = behind(settings.trusted_proxies, answering)
    return app


@asynccontextmanager
async def _serving(app: Litestar, *, settings: Settings, counts: Metrics) -> AsyncIterator[None]:
    """The store, and all that works on it, for as long as the app runs."""
    database_url = app.state.database_url
    asyncio.get_running_loop().set_exception_handler(log_lost)
    is_country("US")  # reads the world's countries once, before the first request has to wait for it
    async with (
        reachable(database_url) as servers,
        store_at(servers, connections=CONNECTIONS, settings=SESSION | SERVING) as store,
        open_lists(servers) as lists_pool,
        open_pasts(servers, store) as pasts,
        readiness(servers) as ready,
        JobRunner(database_url) as runner,
        open_authenticator(store.pool) as authenticator,
        summing(store) as by_day,
    ):
        app.state.service = Service(
            store=store,
            lists=lists_pool,
            settings=settings,
            authenticator=authenticator,
            find_customer=finding_together(store.pool),
            find_free_user=finding_free_users(store.pool),
            totals=Totals(),
            by_day=by_day,
            jobs=runner,
            pasts=pasts,
            readiness=ready,
            following=Following(store),
            streams=Streams(),
            turns=Turns(AT_ONCE, WAITING),
            metrics=counts,
            rate_limit=RateLimit(store.pool, settings.rate_limit) if settings.rate_limit else None,
        )
        if await is_any_unfinished(store):
            runner.replay()
        async with (
            sampling(store, settings.verify_seconds),
            checkpointing(store, settings.checkpoint_seconds),
            forgetting(store),
            noting(store),
            _relaying(store, settings),
            regularly(DELIVERER_SECONDS, partial(_deliver_if_any, store, runner), logger, "nobody delivers webhooks"),
            pages.warming(),
        ):
            yield


def _relaying(store: Store, settings: Settings) -> AbstractAsyncContextManager[None]:
    if settings.nats is None:
        return nullcontext()
    from service.relay.relay import relaying  # noqa: PLC0415 - few have NATS, whose client takes long to import

    return relaying(store, settings.nats, settings.store_url)


async def _deliver_if_any(store: Store, runner: JobRunner) -> None:
    if await count_webhooks(store.pool):
        runner.deliver()


def _respond(request: AnyRequest, refusal: HttpRefusal) -> Response[Any]:
    """People get a page, programs JSON."""
    respond = pages.refused if request.scope["path"].startswith(CONSOLE) else in_json
    return respond(request, refusal)


def _show(scope: HTTPScope, refusal: HttpRefusal) -> tuple[str, bytes]:
    """The same for what is refused before any route."""
    if not scope["path"].startswith(CONSOLE):
        return shown_in_json(scope, refusal)
    scope.setdefault("state", {})
    return "text/html; charset=utf-8", pages.refusal_page(Request(scope), refusal).encode()


async def _name_request(message: Message, scope: Scope) -> None:
    """So that a client can tell which events in the history, and which line of the log, came of its request."""
    if message["type"] == "http.response.start" and scope["type"] == ScopeType.HTTP:
        is_told = is_logged(scope["method"], str(message["status"]))
        if known := request_id_of(scope) if is_told else scope["state"].get("request_id"):
            message["headers"] = [*message["headers"], (b"x-request-id", known.encode())]


def _openapi(handlers: list[HTTPRouteHandler], mode: NameMode) -> DocumentConfig:
    basic = SecurityScheme(type="http", scheme="basic", description="Your login and an application password.")
    bearer = SecurityScheme(type="http", scheme="bearer", description="An application password alone.")
    return DocumentConfig(
        title="Custodiary",
        use_handler_docstrings=True,
        version=version("custodiary"),
        description="Customers whose every change is an event. Amounts are in cents, times in UTC.",
        path=DOCS,
        render_plugins=[DocsPage()],
        components=Components(security_schemes={"application_password": basic, "bearer": bearer}),
        security=[{"application_password": []}, {"bearer": []}],
        operations={handler.handler_name: handler.opt["operation"] for handler in (*handlers, *OUTSIDE)},
        name_mode=mode,
    )
