"""Users that could be attached to a customer."""

from typing import Any, NamedTuple

from eventstore.log.log import Executor
from projections.queries.language.sql import NOTHING, Args, Part, all_of, searchable_text
from projections.queries.pages import reading

UNATTACHED = "NOT EXISTS (SELECT FROM customers AS c WHERE c.user_id = u.id)"
SEARCHED = Part("u.searched")  # login, email and display name
EVERY = 'SELECT u.id AS "ID", u.display_name, u.user_email FROM users AS u WHERE {where} ORDER BY u.id'
COUNT = "SELECT count(*) FROM users AS u WHERE {where}"


class Users(NamedTuple):
    rows: list[dict[str, Any]]
    total: int


async def attachable_users(on: Executor, *, search: str = "", page: int = 1, per_page: int | None = None) -> Users:
    """Users without a customer, by ID: `ID`, `display_name`, `user_email`. All of them without `per_page`."""
    args = Args()
    where = _where(search.strip(), args)
    count, every = COUNT.format(where=where), EVERY.format(where=where)
    async with reading(on, "search") as connection:
        if per_page is None:
            found = await connection.fetch(every, *args.values)
            return Users([dict(row) for row in found], len(found))
        total = await connection.fetchval(count, *args.values)
        limits = f"LIMIT {args.bind(per_page, 'bigint')} OFFSET {args.bind((page - 1) * per_page, 'bigint')}"
        found = await connection.fetch(f"{every} {limits}", *args.values)
    return Users([dict(row) for row in found], total)


def _where(search: str, args: Args) -> str:
    if not search:
        return UNATTACHED
    return all_of([UNATTACHED, SEARCHED.containing(search, args)]) if searchable_text(search) else NOTHING
