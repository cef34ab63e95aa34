"""The way around: which screens there are, and who sees them."""

from typing import NamedTuple

from api.http.paths import CONSOLE
from service.credentials.roles import Permission


class MenuEntry(NamedTuple):
    """`key` goes there, typed after `g`. Any of the permissions is enough."""

    path: str
    icon: str
    label: str
    key: str
    permissions: frozenset[Permission]


def _entry(path: str, icon: str, label: str, key: str, *permissions: Permission) -> MenuEntry:
    return MenuEntry(CONSOLE + path, icon, label, key, frozenset(permissions))


EVERYDAY = (
    _entry("", "chart", "Overview", "o", "customers/view", "metrics/view"),
    _entry("/customers", "people", "Customers", "c", "customers/view"),
    _entry("/history", "clock", "History", "h", "history/view"),
)
OPERATE = (
    _entry("/replays", "replay", "Replays", "r", "replays/manage"),
    _entry("/feeds", "feed", "Feeds", "f", "feeds/manage"),
    _entry("/drift", "scale", "Drift", "d", "replays/manage"),
    _entry("/audit", "stamp", "Audit", "a", "history/view"),
    _entry("/privacy", "shield", "Privacy", "p", "users/view"),
    _entry("/credentials", "key", "Credentials", "k", "credentials/own"),
)
