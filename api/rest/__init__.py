"""The REST operations: one file for each resource."""
