"""What a customer's page says: around its tabs, in each of them, and in its form. Made from what was read."""
