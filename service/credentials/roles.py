"""Roles, and what each may do."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

Role: TypeAlias = Literal["administrator", "manager", "worker", "monitor"]
Permission: TypeAlias = Literal[
    "customers/view",
    "customers/manage",
    "customers/delete",
    "customers/personal",  # the console shows names and addresses without being asked for each
    "orders/view",
    "orders/manage",
    "labels/view",
    "labels/manage",
    "users/view",
    "users/manage",
    "history/view",  # of the whole store; a customer's own history is part of customers/view
    "replays/manage",
    "feeds/view",  # everybody's events, thin
    "feeds/full",  # with the values in them
    "feeds/manage",  # where webhooks send them
    "metrics/view",
    "credentials/own",  # see and revoke those of one's own login
    "credentials/manage",  # see and revoke everybody's, and make new ones
]

_VIEW: frozenset[Permission] = frozenset({"customers/view", "orders/view", "labels/view"})
_MANAGE: frozenset[Permission] = frozenset({"customers/manage", "customers/delete", "orders/manage", "labels/manage"})
_OWN: frozenset[Permission] = frozenset({"credentials/own"})
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    "administrator": frozenset(get_args(Permission)),
    "manager": _VIEW | _MANAGE | _OWN | {"users/view", "customers/personal", "feeds/view"},
    "worker": _VIEW | _OWN,
    "monitor": _OWN | {"metrics/view"},  # for what watches over the service, and sees nobody
}
