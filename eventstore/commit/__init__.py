"""Commands into the log, many in a transaction."""

__all__ = ["command", "projector", "unit", "writer"]
