"""Several servers: a primary and its standby, and processes that go from one to the other."""
