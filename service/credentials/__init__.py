"""Application passwords: who may do what, whichever way they come in."""
