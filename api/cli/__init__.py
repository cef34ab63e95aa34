"""The command line: `custodiary`."""

from api.cli.program import main

__all__ = ["main"]
