"""What happened, told in sentences: one for each kind of event, with what it takes to be understood alone."""
