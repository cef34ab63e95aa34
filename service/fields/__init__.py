"""Reading what outsiders send, field by field."""
