"""Tamper evidence: a digest for each event, and signed checkpoints over the log."""

__all__ = ["checkpoints", "dump", "faults", "signer", "signing", "verify"]
