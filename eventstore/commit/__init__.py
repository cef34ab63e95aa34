"""Writes commands into the log, many in one transaction."""

__all__ = ["command", "projector", "unit", "writer"]
