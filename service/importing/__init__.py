"""Customers and orders from elsewhere: what is here already stays, what is wrong is said, the rest goes in."""
