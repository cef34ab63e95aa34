"""Rebuilding read models from events beside the live ones: build, catch up, compare, swap, and back again."""
