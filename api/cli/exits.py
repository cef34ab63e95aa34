"""How a command ends, for scripts. 2 is wrong usage, as everywhere."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from api.credentials import CredentialExists
from api.importing.files import ImportFileError
from api.settings import BadSetting
from eventstore.embedded import EmbeddedError
from eventstore.migrate import MigrationChangedError
from projections.replay.engine import NotReadyError, ReplayRunningError
from projections.replay.exchange import NothingToRollBackError, ReplayStuckError

DONE = 0
NOT_ALL = 1  # some rows stayed out or differ, or there is nothing of that name
USAGE = 2
NO_STORE = 3  # the database cannot be reached, started or migrated
BUSY = 4  # another replay is running, or the tables were in use all the time

INTERRUPTED = 130

HELP = "Exit codes: 0 done, 1 not all of it, 2 wrong usage, 3 no database, 4 busy, 130 interrupted."

UNREACHABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
)


@contextmanager
def plain_errors() -> Iterator[None]:
    """What is wrong with the surroundings, as one line and an exit code; what is wrong with us, as a traceback."""
    try:
        yield
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ImportFileError, NotReadyError, NothingToRollBackError) as error:
        _end(NOT_ALL, str(error))
    except CredentialExists as error:
        login, name = error.args
        _end(NOT_ALL, f"{login} has a password named {name} already; give this one another --name")
    except BadSetting as error:
        _end(USAGE, str(error))
    except (EmbeddedError, MigrationChangedError) as error:
        _end(NO_STORE, str(error))
    except UNREACHABLE as error:
        _end(NO_STORE, f"the database cannot be reached: {error}")
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        _end(NO_STORE, f"the database does not let us in: {error}")
    except (ReplayRunningError, ReplayStuckError) as error:
        _end(BUSY, str(error) or (error.__doc__ or ""))


def _end(code: int, message: str) -> None:
    print(f"custodiary: {message}", file=sys.stderr)
    raise SystemExit(code)
