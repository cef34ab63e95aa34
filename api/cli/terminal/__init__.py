"""What commands print, where, and how they end."""
