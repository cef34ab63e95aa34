"""Made-up people beside the real purchases of the sample, so that there is something to see."""

__all__ = ["acts", "story"]
