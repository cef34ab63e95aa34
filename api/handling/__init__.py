"""What every handler needs: who asks, what is refused, writes once."""
