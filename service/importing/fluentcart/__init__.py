"""Exports of FluentCart."""
