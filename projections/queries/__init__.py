"""Lists of the read models: one SELECT for a page, from a whitelist of SQL; what clients send is only ever bound."""

__all__ = [
    "customers", "find", "language", "lookups", "orders", "pages", "relations", "totals", "users", "webhooks",
]  # fmt: skip
