"""The list of customers as people ask for it: its address, its filters in words, its columns, its rows as a file."""
