"""What happened, newest first, and what each event changed; at the same cost however much has happened."""

__all__ = ["changes", "pages", "person", "receipt", "snapshots", "stops"]
