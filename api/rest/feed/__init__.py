"""The feed: events, and where webhooks send them."""
