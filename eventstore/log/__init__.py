"""Events as they are stored: encoded, chained, read and followed."""

__all__ = ["codec", "digest", "envelopes", "log", "subscription"]
