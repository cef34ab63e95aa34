"""What a read model is: rows, their table, and events that change them."""
