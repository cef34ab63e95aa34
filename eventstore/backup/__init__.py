"""Backups: the log and its keys in two files, from which everything else is rebuilt."""

__all__ = ["load", "sealed_file", "tables"]
