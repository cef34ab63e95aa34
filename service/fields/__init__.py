"""What people say in fields, whoever sends them: how it is read, and what does not fit."""
