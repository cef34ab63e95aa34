"""PostgreSQL as everything here uses it: servers, sessions, statements, schema."""

__all__ = [
    "answers",
    "away",
    "connection",
    "durability",
    "migrate",
    "row_cache",
    "servers",
    "sessions",
    "sql",
    "stream_ids",
    "view",
    "watch",
]
