"""The feeds: webhooks, where each is, what it was sent, and all that can be done with it."""

from typing import Any

from api.console.screens.feeds import acts, edit, listing, page

ROUTES: list[Any] = [*listing.ROUTES, *edit.ROUTES, *page.ROUTES, *acts.ROUTES]
