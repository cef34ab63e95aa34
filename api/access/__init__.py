"""Who may ask, for what and how often: credentials, the door, what slows it, the access log."""
