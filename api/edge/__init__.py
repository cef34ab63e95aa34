"""Around the API: how large and how slow a request may be, headers for browsers, HEAD."""
