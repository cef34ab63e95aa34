"""Stored figures against what the events give, told in two ways that share no code."""

__all__ = ["explain", "findings", "recalculate", "verify", "what_if"]
