"""How a command ends, for scripts. 2 is wrong usage, as everywhere."""

import sys
from typing import NoReturn

DONE = 0
NOT_ALL = 1  # some rows stayed out or differ, or there is nothing of that name
USAGE = 2
NO_STORE = 3  # the database cannot be reached, started or migrated, or was set back under a relay
BUSY = 4  # another replay or verification is running, or the tables or the port are in use

INTERRUPTED = 130

HELP = (
    "Exit codes: 0 done, 1 not all of it, 2 wrong usage or no store, 3 no database, or one that was set back, 4 busy, "
    "130 interrupted."
)


def end(code: int, message: str) -> NoReturn:
    """`message` is a whole sentence, or several."""
    print(f"custodiary: {message}", file=sys.stderr)
    raise SystemExit(code)


def nobody(customer_id: int | None) -> NoReturn:
    end(NOT_ALL, f"There is no customer {customer_id}.")
