"""Rebuilding read models from events beside the live ones: build, catch up, compare, swap, and back again."""

__all__ = ["build", "engine", "exchange", "registry"]
