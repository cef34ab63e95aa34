"""Which store a command works on, and what it is called."""

import logging
import os
import re
from pathlib import Path

from api.process.settings import Settings

LOGGER = logging.getLogger("custodiary.cli")
DIRECTORY = ".custodiary"


class StoreOfAnotherError(Exception):
    """What lies in a directory above this one belongs to somebody else, who could have put it there for us."""


def directory_of(settings: Settings) -> Path:
    """Where the embedded store is, or would be made. Raises StoreOfAnotherError."""
    return nearest(Path.cwd()) if settings.data is None else settings.data.absolute()


def nearest(start: Path) -> Path:
    """The store in this directory, or in the nearest above that has one, as git finds a repository; else here."""
    for directory in (start, *start.parents):
        found = directory / DIRECTORY
        if found.is_dir():
            if directory != start and found.stat().st_uid != os.geteuid():
                theirs = f"{found} belongs to another user."
                raise StoreOfAnotherError(f"{theirs} CUSTODIARY_DATA={found} takes it all the same.")
            return found
    return start / DIRECTORY


def name_of(settings: Settings) -> str:
    """For people: a directory, or a database's address without what gets one in."""
    if settings.database_url is None:
        return str(directory_of(settings))
    return re.sub(r"//[^@/?#]*@", "//", settings.database_url.reveal()).partition("?")[0]


def store_name() -> str:
    return name_of(Settings.from_environment())


def tell_the_store() -> None:
    """From here on, to people, as soon as it is known."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("custodiary: %(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
