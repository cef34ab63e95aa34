"""What happened, in sentences: one for each kind of event, which can be understood alone."""
