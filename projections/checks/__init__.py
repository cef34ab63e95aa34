"""Stored figures compared with their events, in two ways that share no code."""

__all__ = ["course", "explain", "findings", "jobs", "recalculate", "spoil", "verify", "what_if"]
