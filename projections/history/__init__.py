"""What happened, newest first, and what each event changed; at the same cost however much has happened."""
