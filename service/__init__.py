"""What people do, whoever asks: REST, command line, import. No HTTP, no JSON."""
