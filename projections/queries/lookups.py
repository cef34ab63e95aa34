"""Rows that commands and answers look up: one by its id, or a short list that is never paged."""

from collections.abc import Collection, Sequence
from typing import TypeAlias

import asyncpg

from domain.text import identity
from eventstore.postgres.connection import Executor
from projections.models.addresses import ADDRESSES
from projections.models.labels import LABELS
from projections.models.orders import ORDERS
from projections.models.users import USERS
from projections.tables.table import Shown

Records: TypeAlias = list[asyncpg.Record]

ADDRESSES_OF = f"""
    SELECT {ADDRESSES.table.shown} FROM addresses
    WHERE customer_id = $1 AND type = $2 ORDER BY is_primary DESC, id"""
ADDRESSES_TAKEN = "SELECT id FROM addresses WHERE id = ANY($1)"

OWNER = "SELECT customer_id FROM orders WHERE id = $1"
VERSION = "SELECT version FROM figures WHERE id = $1"
CURRENCIES = "SELECT id, currency FROM orders WHERE id = ANY($1)"

EVERY_USER = """
    SELECT id, user_login, user_email, display_name, first_name, last_name, user_url, user_nicename
    FROM users ORDER BY id"""
USER_IDS = "SELECT id FROM users"
CUSTOMER_OF_USER = "SELECT id FROM customers WHERE user_id = $1"
IS_FREE = "NOT EXISTS (SELECT FROM customers AS c WHERE c.user_id = u.id)"
FREE_WITH_EMAIL = f"""
    SELECT (
        SELECT u.id FROM users AS u WHERE u.user_email_identity = w.email AND {IS_FREE} ORDER BY u.id LIMIT 1
    ) FROM unnest($1::text[]) WITH ORDINALITY AS w (email, place) ORDER BY w.place"""
FREE_BY_EMAIL = f"""
    SELECT u.user_email_identity, u.id FROM users AS u WHERE u.user_email_identity = ANY($1) AND {IS_FREE}"""

EVERY_LABEL = f"SELECT {LABELS.table.shown} FROM labels ORDER BY id"
EXISTING_LABELS = "SELECT id FROM labels WHERE id = ANY($1)"
LABEL_VALUES = "SELECT id, value FROM labels"
CARRIERS = "SELECT id FROM customers WHERE id = ANY($1) AND labels && $2"


async def find_address(on: Executor, id_: int) -> Shown | None:
    return await ADDRESSES.table.find(on, id_)


async def addresses_of(on: Executor, customer_id: int, type_: str) -> Records:
    """The primary one first."""
    return await on.fetch(ADDRESSES_OF, customer_id, type_)


async def addresses_taken(on: Executor, ids: Collection[int]) -> set[int]:
    """Those of the ids that addresses have, whoever's they are."""
    return {row[0] for row in await on.fetch(ADDRESSES_TAKEN, list(ids))} if ids else set()


async def find_order(on: Executor, id_: int) -> Shown | None:
    return await ORDERS.table.find(on, id_)


async def owner_of(on: Executor, order_id: int) -> int | None:
    """The customer whose order it is."""
    owner: int | None = await on.fetchval(OWNER, order_id)
    return owner


async def version_of(on: Executor, customer_id: int) -> int | None:
    """Unlike `find_version`, without a lock."""
    version: int | None = await on.fetchval(VERSION, customer_id)
    return version


async def currencies_of(on: Executor, order_ids: Collection[int]) -> dict[int, str]:
    """Currencies by order; deleted orders are missing."""
    return {row["id"]: row["currency"] for row in await on.fetch(CURRENCIES, list(order_ids))}


async def find_user(on: Executor, id_: int) -> Shown | None:
    return await USERS.table.find(on, id_)


async def every_user(on: Executor) -> Records:
    return await on.fetch(EVERY_USER)


async def user_ids(on: Executor) -> set[int]:
    return {row[0] for row in await on.fetch(USER_IDS)}


async def customer_of_user(on: Executor, user_id: int) -> int | None:
    """The customer that the user is linked to."""
    id_: int | None = await on.fetchval(CUSTOMER_OF_USER, user_id)
    return id_


async def free_users_with_emails(on: Executor, emails: Sequence[str]) -> list[int | None]:
    """For each email the user who has it, if it has no customer yet."""
    return [row[0] for row in await on.fetch(FREE_WITH_EMAIL, [*map(identity.of_email, emails)])]


async def free_users_by_email(on: Executor, mailboxes: Collection[str]) -> dict[str, set[int]]:
    """Every user without a customer, by mailbox."""
    found: dict[str, set[int]] = {}
    for mailbox, user_id in await on.fetch(FREE_BY_EMAIL, list(mailboxes)):
        found.setdefault(mailbox, set()).add(user_id)
    return found


async def find_label(on: Executor, id_: int) -> Shown | None:
    return await LABELS.table.find(on, id_)


async def every_label(on: Executor) -> Records:
    return await on.fetch(EVERY_LABEL)


async def existing_labels(on: Executor, ids: Collection[int]) -> frozenset[int]:
    """Those of the ids that labels have."""
    return frozenset([row[0] for row in await on.fetch(EXISTING_LABELS, list(ids))])


async def label_values(on: Executor) -> dict[int, str]:
    """Values by label."""
    return {row["id"]: row["value"] for row in await on.fetch(LABEL_VALUES)}


async def carriers(on: Executor, customer_ids: Collection[int], labels: Collection[int]) -> set[int]:
    """Those of the customers who carry one of the labels."""
    return {row[0] for row in await on.fetch(CARRIERS, list(customer_ids), list(labels))}
