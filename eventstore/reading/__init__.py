"""What commands read, and what a process remembers of it."""

__all__ = ["coalesce", "instance", "reader", "stream_cache"]
