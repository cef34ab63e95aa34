"""Read models in the transaction of the events that they show."""

__all__ = ["projector", "words"]
