"""Read models from events alone, as they are or as they were."""

__all__ = ["days", "fold", "past", "ranges", "stats"]
