"""The feed: how others follow the log. What they get of an event, and a page of events after a position."""

__all__ = ["following", "message", "pages", "types"]
