"""The log: every event in PostgreSQL, in the order in which it was committed."""

__all__ = ["backup", "chain", "embedded", "log", "postgres", "reading", "sealing", "store"]
