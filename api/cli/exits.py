"""How a command ends, for scripts. 2 is wrong usage, as everywhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import asyncpg

from api.access.credentials import CredentialExists, CredentialNotFound, LastAdministrator
from api.importing.files import ImportFileError
from api.settings import BadSetting
from eventstore.away import WORDS, why_away
from eventstore.chain.dump import DumpError
from eventstore.chain.signer import NotSound, SetBack
from eventstore.chain.signing import SigningKeyError
from eventstore.embedded import EmbeddedError
from eventstore.master_keys import MasterKeyError
from eventstore.migrate import MigrationChangedError
from eventstore.servers import NotUnicodeError
from projections.replay.engine import NotReadyError, ReplayRunningError
from projections.replay.exchange import NothingToRollBackError, ReplayStuckError

DONE = 0
NOT_ALL = 1  # some rows stayed out or differ, or there is nothing of that name
USAGE = 2
NO_STORE = 3  # the database cannot be reached, started or migrated
BUSY = 4  # another replay is running, or the tables or the port are in use

INTERRUPTED = 130

HELP = "Exit codes: 0 done, 1 not all of it, 2 wrong usage, 3 no database, 4 busy, 130 interrupted."

NOT_THERE = (OSError, asyncpg.InvalidCatalogNameError, asyncpg.ClientConfigurationError)
NOT_LET_IN = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientPrivilegeError)


@contextmanager
def plain_errors() -> Iterator[None]:
    """What is wrong with the surroundings, as one line and an exit code; what is wrong with us, as a traceback."""
    try:
        with _database_errors():
            yield
    except (ImportFileError, NotReadyError, NothingToRollBackError, DumpError, NotSound, SetBack) as error:
        end(NOT_ALL, str(error))
    except CredentialExists as error:
        login, name = error.args
        end(NOT_ALL, f"{login} has a password named {name} already; give this one another --name")
    except CredentialNotFound:
        end(NOT_ALL, "there is no application password of this uuid")
    except LastAdministrator:
        end(NOT_ALL, "this is the last administrator's; `custodiary credentials add` makes another first")
    except (BadSetting, MasterKeyError, SigningKeyError) as error:
        end(USAGE, str(error))
    except (EmbeddedError, MigrationChangedError, NotUnicodeError) as error:
        end(NO_STORE, str(error))
    except (ReplayRunningError, ReplayStuckError) as error:
        end(BUSY, str(error) or (error.__doc__ or ""))


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except NOT_LET_IN as error:
        end(NO_STORE, f"the database does not let us in: {error}")
    except Exception as error:
        why = why_away(error)
        if why is None and not isinstance(error, NOT_THERE):
            raise
        end(NO_STORE, f"{WORDS[why or 'away']}: {error}")


def end(code: int, message: str) -> NoReturn:
    print(f"custodiary: {message}", file=sys.stderr)
    raise SystemExit(code)
