"""Events as they are stored: encoded, chained, read and followed."""
