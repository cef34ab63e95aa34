"""Rows as clients know them."""
