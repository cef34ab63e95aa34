"""The log: every event in PostgreSQL, in the order in which it was committed."""
