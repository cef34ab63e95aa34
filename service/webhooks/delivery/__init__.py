"""Delivery of webhooks: to each endpoint, in its order, again and again until it takes what it is sent."""

__all__ = ["engine", "reading", "sender", "signing", "state"]
