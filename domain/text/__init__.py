"""What makes two texts one, and how text is searched and sorted."""
