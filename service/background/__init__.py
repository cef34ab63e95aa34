"""Work that nobody has asked for, now and then."""
