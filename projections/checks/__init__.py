"""Stored figures compared with their events, in two ways that share no code."""

__all__ = ["explain", "findings", "recalculate", "verify", "what_if"]
