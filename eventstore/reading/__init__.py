"""What commands read, and what a process remembers of it."""
