"""CSV files of orders."""

__all__ = ["orders", "rates"]
