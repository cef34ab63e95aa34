"""The command line: `custodiary`."""

from api.cli.commands import main

__all__ = ["main"]
