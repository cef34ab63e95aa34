"""Tamper evidence: a digest for each event, and signed checkpoints over the log."""
