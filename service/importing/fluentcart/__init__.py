"""Exports of FluentCart."""

__all__ = ["shop"]
