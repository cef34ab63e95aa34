"""What may happen to customers, orders, users and labels, and why. Pure: no I/O, no clock, no randomness, no async."""
