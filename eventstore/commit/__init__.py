"""Commands into the log, many in a transaction."""
