"""Users that could be attached to a customer."""

from typing import NamedTuple

import asyncpg

from eventstore.postgres.connection import Executor
from projections.queries.language.sql import NOTHING, Args, Part, all_of, searchable_text
from projections.queries.pages import patiently

UNATTACHED = "NOT EXISTS (SELECT FROM customers AS c WHERE c.user_id = u.id)"
SEARCHED = Part("u.searched")  # login, email and display name
EVERY = 'SELECT u.id AS "ID", u.display_name, u.user_email FROM users AS u WHERE {where} ORDER BY u.id'
COUNT = "SELECT count(*) FROM users AS u WHERE {where}"


class Users(NamedTuple):
    rows: list[asyncpg.Record]
    total: int


async def attachable_users(on: Executor, *, search: str = "", page: int = 1, per_page: int | None = None) -> Users:
    """Users without a customer, by ID: `ID`, `display_name`, `user_email`. All of them without `per_page`."""
    args = Args()
    where = _where(search.strip(), args)
    count, every = COUNT.format(where=where), EVERY.format(where=where)
    with patiently("search"):
        if per_page is None:
            found = await on.fetch(every, *args.values)
            return Users(found, len(found))
        total = await on.fetchval(count, *args.values)
        limits = f"LIMIT {args.bind(per_page, 'bigint')} OFFSET {args.bind((page - 1) * per_page, 'bigint')}"
        found = await on.fetch(f"{every} {limits}", *args.values)
    return Users(found, total)


def _where(search: str, args: Args) -> str:
    if not search:
        return UNATTACHED
    return all_of([UNATTACHED, SEARCHED.containing(search, args)]) if searchable_text(search) else NOTHING
