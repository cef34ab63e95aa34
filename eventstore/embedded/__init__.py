"""A PostgreSQL of our own."""

__all__ = ["server"]
