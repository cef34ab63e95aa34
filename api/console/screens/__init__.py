"""Screens: each has a view, which is typed, and the handlers that make it. Each is listed here."""

from api.console import personal
from api.console.assets import send_asset
from api.console.door import SignInNeeded, choose_theme, enter, follow_link, show_sign_in, sign_in, sign_out, to_sign_in
from api.console.screens import (
    audit,
    credentials,
    customer,
    customers,
    drift,
    event,
    feeds,
    find,
    history,
    overview,
    privacy,
    replays,
)
from api.http.paths import CONSOLE
from api.http.routes import Routes

SCREENS = (
    personal, overview, find, customers, customer, event, history, replays, feeds, drift, audit, privacy, credentials,
)  # fmt: skip
ROUTES = [sign_out, choose_theme, *(route for screen in SCREENS for route in screen.ROUTES)]


def console() -> Routes:
    """All that is served under the console's path."""
    pages = Routes("/", route_handlers=ROUTES, before_request=enter)
    return Routes(
        CONSOLE,
        route_handlers=[show_sign_in, sign_in, follow_link, send_asset, pages],
        exception_handlers={SignInNeeded: to_sign_in},
        include_in_schema=False,
    )
