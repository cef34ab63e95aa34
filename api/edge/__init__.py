"""What stands around the API: how large and how slow a request may be, what browsers are told, HEAD."""
