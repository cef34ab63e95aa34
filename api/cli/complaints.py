"""What is wrong with the surroundings, as one line and an exit code."""

import asyncpg
from eventsourcing.persistence import MapperDeserialisationError

from api.cli.terminal import exits
from api.cli.terminal.naming import StoreOfAnotherError
from api.cli.terminal.session import NoStoreError
from api.cli.terminal.typed import typed
from api.process.settings import BadSetting
from eventstore.chain.dump import DumpError
from eventstore.chain.signer import NotSound, SetBack
from eventstore.chain.signing import SigningKeyError
from eventstore.embedded.server import EmbeddedError
from eventstore.postgres.away import WORDS, why_away
from eventstore.postgres.migrate import MISFITS, SchemaError
from eventstore.postgres.servers import NotUnicodeError
from eventstore.sealing.master_keys import MasterKeyError
from projections.checks.jobs import VerificationRunningError
from projections.fold.fold import PoisonedError
from projections.replay.engine import NotReadyError, ReplayRunningError
from projections.replay.exchange import NothingToRollBackError, ReplayStuckError
from service.credentials.passwords import CredentialExists, CredentialNotFound, LastAdministrator
from service.importing.files import ImportFileError
from service.relay.target import LogSetBack, RelayStopped

NOT_THERE = (OSError, asyncpg.InvalidCatalogNameError, asyncpg.ClientConfigurationError)
NOT_LET_IN = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientPrivilegeError)


def end_for(error: Exception) -> None:
    """End the command; come back where it is us that are wrong, and a traceback is what helps."""
    match error:
        case NoStoreError() | StoreOfAnotherError() | BadSetting() | MasterKeyError() | SigningKeyError():
            exits.end(exits.USAGE, _sentence(error))
        case ImportFileError():
            exits.end(exits.NOT_ALL, f"Nothing was imported: {_sentence(error)}")
        case LogSetBack():
            exits.end(exits.NO_STORE, _sentence(error))
        case NotReadyError() | NothingToRollBackError() | DumpError() | NotSound() | SetBack() | RelayStopped():
            exits.end(exits.NOT_ALL, _sentence(error))
        case CredentialExists(args=(login, name)):
            exits.end(exits.NOT_ALL, f"{login} has a password named {name} already. Give this one another --name.")
        case CredentialNotFound():
            exits.end(exits.NOT_ALL, "There is no application password of this uuid.")
        case LastAdministrator():
            added = typed("credentials add")
            exits.end(exits.NOT_ALL, f"This is the last administrator's. `{added}` makes another first.")
        case EmbeddedError() | SchemaError() | NotUnicodeError():
            exits.end(exits.NO_STORE, _sentence(error))
        case _:
            _end_for_busy(error)
            _end_for_event(error)
            _end_for_database(error)


def _end_for_busy(error: Exception) -> None:
    if isinstance(error, ReplayRunningError):
        exits.end(exits.BUSY, "Another replay is running.")
    if isinstance(error, VerificationRunningError):
        exits.end(exits.BUSY, "Another verification is running.")
    if isinstance(error, ReplayStuckError):
        exits.end(exits.BUSY, "Readers or writers held the tables all the time: try again.")


def _end_for_event(error: Exception) -> None:
    if isinstance(error, PoisonedError):
        exits.end(exits.NOT_ALL, f"The event at position {error.args[0]} can't be applied, and figures depend on it.")
    if isinstance(error, MapperDeserialisationError):
        exits.end(exits.NOT_ALL, f"An event can't be read, so nothing can be decided on it: {_sentence(error)}")


def _end_for_database(error: Exception) -> None:
    if isinstance(error, NOT_LET_IN):
        exits.end(exits.NO_STORE, f"The database does not let us in: {_sentence(error)}")
    if isinstance(error, MISFITS):
        exits.end(exits.NO_STORE, f"The database has the tables of another version of Custodiary: {_sentence(error)}")
    why = why_away(error)
    if why is not None or isinstance(error, NOT_THERE):
        exits.end(exits.NO_STORE, f"{WORDS[why or 'away'].capitalize()}: {_sentence(error)}")


def _sentence(error: Exception) -> str:
    """The first line: what PostgreSQL gives as detail and hint are lines of their own, whoever repeats its error."""
    line = (str(error) or type(error).__name__).partition("\n")[0]
    return line if line.endswith((".", "!", "?")) else f"{line}."
