"""Who may ask, for what and how often: authentication, what slows it, the access log."""
