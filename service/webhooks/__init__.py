"""Endpoints of others that are sent events."""
