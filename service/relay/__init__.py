"""Relays: the log, carried on into another system, each event once and in order."""

__all__ = ["relay", "report", "target"]
