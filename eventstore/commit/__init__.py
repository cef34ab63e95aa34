"""Commands into the log, many in a transaction."""

__all__ = ["batch", "command", "unit", "writer"]
