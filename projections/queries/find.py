"""Finding whatever one knows a piece of: each by an index, and no more than a few of each kind."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import asyncpg

from domain.terms import TRANSACTION
from domain.text import identity
from domain.text.folding import folded
from eventstore.postgres.connection import Executor
from eventstore.postgres.stream_ids import from_uuid
from projections.queries.customers import ANY_PART
from projections.queries.language.columns import integer
from projections.queries.language.sql import Args, searchable_text
from projections.tables.derived import comparable, folded_name

Records: TypeAlias = Sequence[asyncpg.Record]

MOST = 6  # of a kind
# Looked at before the newest of them are chosen, so that what everybody has in common is not sorted.
CANDIDATES = 200
# Fewer letters have no trigram: these begin a name or an email.
TRIGRAM = 3
LOOKED_AT = 10_000  # events, for a request: an index on requests would make every append slower (see ADR 15)

PERSON = "r.id, r.first_name, r.last_name, r.email"
NEWEST = f"ORDER BY id DESC LIMIT {MOST}"
CONTAINING = f"""
    WITH found AS MATERIALIZED (SELECT {PERSON} FROM customers AS r WHERE {{condition}} LIMIT {CANDIDATES})
    SELECT * FROM found {NEWEST}"""
ONE_BEGINNING = f"""
    (SELECT {PERSON} FROM customers AS r WHERE r.{{name}} LIKE $1 ORDER BY r.{{name}} NULLS FIRST LIMIT {MOST})"""
BEGINNING = (
    " UNION ".join(
        map(ONE_BEGINNING.format_map, ({"name": folded_name(name)} for name in ("first_name", "last_name", "email")))
    )
    + f" LIMIT {MOST}"
)
WITH_EMAIL = f"SELECT {PERSON} FROM customers AS r WHERE r.email_identity = $1 {NEWEST}"
WITH_ID = f"SELECT {PERSON} FROM customers AS r WHERE r.id = $1"
WITH_PHONE = f"""
    SELECT {PERSON} FROM customers AS r WHERE id IN (
        SELECT customer_id FROM addresses WHERE phone_identity = $1 AND phone_identity <> '' LIMIT {CANDIDATES})
    {NEWEST}"""

ORDER = "o.id, o.customer_id, o.invoice_no, o.receipt_number, o.total_amount, o.currency, o.created_at"
OF_SOMEBODY = "EXISTS (SELECT FROM customers AS c WHERE c.id = o.customer_id)"
NUMBERED = f"""
    SELECT {ORDER} FROM orders AS o WHERE {OF_SOMEBODY} AND (
        o.id = ANY($1) OR o.invoice_no_folded = $2 AND o.invoice_no_folded <> ''
        OR o.receipt_number_folded = $2 AND o.receipt_number_folded <> '') {NEWEST}"""
PAID_BY = "SELECT originator_id FROM claims WHERE kind = $1 AND value = $2"

IS_EVENT = "SELECT EXISTS (SELECT FROM stored_events WHERE notification_id = $1)"
OF_REQUEST = f"""
    SELECT notification_id FROM stored_events
    WHERE notification_id > (SELECT max(notification_id) FROM stored_events) - {LOOKED_AT} AND request_id = $1
    ORDER BY notification_id DESC LIMIT {MOST}"""


async def customers(on: Executor, text: str) -> Records:
    """Who has this id, email, phone number, or a part of name or email: `id`, `first_name`, `last_name`, `email`."""
    if not searchable_text(text) or not (sought := text.strip()):
        return []
    found: dict[int, asyncpg.Record] = {}

    async def add(query: str, *arguments: Any) -> None:
        if len(found) < MOST:
            found.update((row["id"], row) for row in await on.fetch(query, *arguments) if row["id"] not in found)

    if (id_ := integer(sought)) is not None:
        await add(WITH_ID, id_)
    if "@" in sought:
        await add(WITH_EMAIL, identity.of_email(sought))
    if phone := identity.of_phone(sought):
        await add(WITH_PHONE, phone)
    if "@" in sought and found:
        return [*found.values()]  # a whole email: looking for its every part takes longer than for anything else
    if len(folded(sought)) >= TRIGRAM:
        args = Args()
        await add(CONTAINING.format(condition=ANY_PART.containing(sought, args)), *args.values)
    else:
        await add(BEGINNING, _like(comparable(sought)))
    return [*found.values()][:MOST]


async def orders(on: Executor, text: str) -> Records:
    """Those with this id, invoice or receipt number, or a transaction of this id; none of an erased customer."""
    sought = text.strip()
    if not searchable_text(sought) or not sought:
        return []
    claimed = [from_uuid(row[0]) for row in await on.fetch(PAID_BY, TRANSACTION, sought)]
    ids = [stream.id for stream in claimed if stream.category == "order"]
    if (id_ := integer(sought.lstrip("#"))) is not None:
        ids.append(id_)
    return await on.fetch(NUMBERED, ids, comparable(sought))


async def is_event(on: Executor, position: int) -> bool:
    found: bool = await on.fetchval(IS_EVENT, position)
    return found


async def events_of_request(on: Executor, request_id: str) -> list[int]:
    """Positions, newest first, among the last LOOKED_AT of the log."""
    return [row[0] for row in await on.fetch(OF_REQUEST, request_id)]


def _like(beginning: str) -> str:
    return "".join(f"\\{character}" if character in "\\%_" else character for character in beginning) + "%"
