"""Customers and orders from elsewhere: what is here already stays, what is wrong is said, the rest goes in."""

__all__ = ["files", "fluentcart", "orders_csv", "report"]
