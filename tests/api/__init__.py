"""The edge: what clients send and what they are told."""
