"""`custodiary backup` and `restore`."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NoReturn

from api.cli.terminal import exits
from api.cli.terminal.naming import directory_of
from api.cli.terminal.output import say
from api.cli.terminal.session import database, run, with_store_at
from api.cli.terminal.typed import typed
from api.presentation.story.words import many
from api.process.settings import Settings
from api.process.tables import OWNERS
from eventstore.backup.sealed_file import BackupError, BackupPart, PartName
from eventstore.embedded.server import EmbeddedError, scratch
from eventstore.sealing.master_keys import KEY, KEY_FILE, MasterKeyError, MasterKeys
from eventstore.store import Store
from projections.backups import Restored, back_up
from projections.backups import restore as restore_parts
from service.background.erased import note, noted

FILES: Mapping[PartName, str] = {"events": "events.backup", "keys": "keys.backup"}
PRINTED = 20  # faults, to people


def backup(directory: Path, keys_directory: Path | None) -> None:
    """Exit code 1 when it could not be verified, or is of a store that is not sound."""
    paths = _new_paths(directory, keys_directory or directory)
    with _directories(paths), _drafts(paths) as drafts:
        with_store_at(lambda store, dsn: _write(store, dsn, drafts))
        masters = MasterKeys.from_environment()
        events, keys = (BackupPart(drafts[part], masters) for part in drafts)
        restored = _restored_beside(events, keys)
        for part, draft in drafts.items():
            draft.rename(paths[part])
    say(f"{_counted(events.end.tables['stored_events'].rows, events.end.position, events)}:")
    for path in paths.values():
        say(f"  {path} ({path.stat().st_size:,} bytes)")
    say(f"Without the master key they are of no use, and it is not in them: keep a copy of {_named_key()} elsewhere.")
    if isinstance(restored, EmbeddedError):
        exits.end(exits.NOT_ALL, f"They were not verified: {restored}")
    say("They were verified by restoring them into a PostgreSQL of their own.")
    _end(restored)


def _restored_beside(events: BackupPart, keys: BackupPart) -> Restored | EmbeddedError:
    with TemporaryDirectory(prefix="verifying-", dir=events.path.parent) as name:
        Path(name).chmod(0o711)  # for the server's account, when root makes the backup
        try:
            with scratch(Path(name) / "server") as dsn:
                return run(restore_parts(dsn, OWNERS, events, keys, {}))
        except EmbeddedError as error:
            return error


async def _write(store: Store, dsn: str, drafts: Mapping[PartName, Path]) -> None:
    await note(store.pool, store.log.sealing.masters.file)
    with _opened(drafts) as files:
        await back_up(dsn, files)


def restore(directory: Path, keys_directory: Path | None) -> None:
    settings = Settings.from_environment()
    masters = _master_keys(settings)
    try:
        events = BackupPart(directory / FILES["events"], masters)
        keys = BackupPart((keys_directory or directory) / FILES["keys"], masters)
        erased = noted(masters.file, events.header.store)
        with database(settings) as dsn:
            restored = run(restore_parts(dsn, OWNERS, events, keys, erased))
    except BackupError as error:
        exits.end(exits.NOT_ALL, str(error))
    say(f"{_counted(restored.events, restored.position, events)}.")
    if restored.erased:
        say(f"People and users erased again, as they had been since then: {restored.erased}.")
    _end(restored)


def _end(restored: Restored) -> NoReturn:
    for name, (then, now) in restored.differing.items():
        rebuilt = f"{name} had {many(then, 'row')}, and has {now} rebuilt from the events"
        say(f"{rebuilt}: `{typed('replay')}` on what was backed up shows which.")
    for fault in restored.faults[:PRINTED]:
        say(str(fault))
    if restored.faults:
        say(f"{many(len(restored.faults), 'fault')} in the chain of events: see `{typed('audit verify')}`.")
    raise SystemExit(exits.NOT_ALL if restored.differing or restored.faults else exits.DONE)


def _counted(events: int, position: int, part: BackupPart) -> str:
    return f"{many(events, 'event')} up to position {position}, as of {part.header.made_at:%Y-%m-%d %H:%M:%S} UTC"


def _new_paths(directory: Path, keys_directory: Path) -> dict[PartName, Path]:
    paths: dict[PartName, Path] = {"events": directory / FILES["events"], "keys": keys_directory / FILES["keys"]}
    for path in paths.values():
        if path.exists():
            exits.end(exits.NOT_ALL, f"{path} is there already: each backup needs a directory of its own.")
    return paths


@contextmanager
def _directories(paths: Mapping[PartName, Path]) -> Iterator[None]:
    """Made where they are missing. Those that were made go again where there is no backup in the end."""
    parents = [each for path in paths.values() for each in (*reversed(path.parent.parents), path.parent)]
    made = [each for each in dict.fromkeys(parents) if not each.exists()]
    try:
        for path in paths.values():
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                exits.end(exits.NOT_ALL, f"{path.parent} can't be written: {error.strerror}.")
        yield
    finally:
        for each in reversed(made):
            with suppress(OSError):  # something is in it, or it was not made
                each.rmdir()


@contextmanager
def _drafts(paths: Mapping[PartName, Path]) -> Iterator[dict[PartName, Path]]:
    """Beside them, so that what has their names is whole."""
    drafts = {part: path.with_suffix(".part") for part, path in paths.items()}
    try:
        yield drafts
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


@contextmanager
def _opened(drafts: Mapping[PartName, Path]) -> Iterator[dict[PartName, IO[bytes]]]:
    """Files for their owner alone, on the disk when the block ends. Their directories are made where they are not."""
    with ExitStack() as stack:
        files: dict[PartName, IO[bytes]] = {}
        for part, path in drafts.items():
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            except OSError as error:
                exits.end(exits.NOT_ALL, f"{path.parent} can't be written: {error.strerror}.")
            files[part] = stack.enter_context(os.fdopen(descriptor, "wb"))
        yield files
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())


def _named_key() -> str:
    return os.environ.get(KEY_FILE, "").strip() or KEY


def _master_keys(settings: Settings) -> MasterKeys:
    """Known before a store is made, which would get a key of its own."""
    own = directory_of(settings) / "master.key"
    if any(os.environ.get(name, "").strip() for name in (KEY, KEY_FILE)):
        return MasterKeys.from_environment()
    if settings.database_url is None and own.exists():
        return MasterKeys.from_file(own)
    raise MasterKeyError(f"The master key of the backup is needed: put it into {own}, or name it in {KEY_FILE}.")
