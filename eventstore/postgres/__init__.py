"""PostgreSQL as everything here uses it: servers, sessions, statements, schema."""
