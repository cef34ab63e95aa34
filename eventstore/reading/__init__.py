"""What commands read, and what a process caches of it."""

__all__ = ["coalesce", "instance", "reader", "stream_cache"]
