"""PostgreSQL as everything here uses it: servers, sessions, statements, schema."""

__all__ = [
    "answers",
    "away",
    "connection",
    "durability",
    "exclusive",
    "json",
    "migrate",
    "servers",
    "sessions",
    "sql",
    "stream_ids",
    "watch",
]
