"""What a process of the service is: its settings, its log."""
