"""Specifications first, then real PostgreSQL, then HTTP."""
