"""`custodiary keys`: the keys that personal data is sealed with, and the master key that wraps them."""

from pathlib import Path

import typer

from api.cli.terminal import exits
from api.cli.terminal.output import print_report, progress_bar, say
from api.cli.terminal.session import with_store
from api.presentation.story.words import many
from eventstore.sealing.master_keys import KEY, MasterKeys, put_first
from eventstore.sealing.rotation import Rotated, check, rotate
from eventstore.store import Store


def rotate_keys(*, as_json: bool) -> None:
    async def work(store: Store) -> tuple[str, Rotated]:
        sealing = store.log.sealing
        if sealing.masters.first == sealing.master_id:
            sealing.masters = MasterKeys.from_file(_extended(sealing.masters.file))
        new = sealing.masters.first
        return new, await rotate(store.pool, sealing, new, progress)

    with progress_bar("Wrapping keys") as progress:
        master_id, rotated = with_store(work)
    if as_json:
        print_report({"master_key": master_id, **rotated._asdict()})
    else:
        say(f"Master key {master_id} wraps {many(rotated.rewrapped, 'key')} now.")
        say("The former ones are needed for older backups of the keys alone: see docs/keys.md.")
        if rotated.unopened:
            say(f"Stays as it was, because it does not open: {many(rotated.unopened, 'key')}.")
    raise SystemExit(exits.NOT_ALL if rotated.unopened else exits.DONE)


def _extended(file: Path | None) -> Path:
    if file is None:
        raise typer.BadParameter(f"Put a new one in front of the others in {KEY} first, for every process.")
    put_first(file)
    return file


def check_keys(*, as_json: bool) -> None:
    found = with_store(lambda store: check(store.pool, store.log.sealing))
    if as_json:
        print_report(found._asdict())
    else:
        opened, missing = many(found.opened, "key"), many(found.missing, "stream")
        say(f"{opened} opened, {found.unopened} did not; {missing} without one.")
        if found.destroyed_again:
            say(f"Destroyed again, because it is of somebody erased: {many(found.destroyed_again, 'key')}.")
        if found.removed:
            say(f"Removed, because it is of events that are not in the log: {many(found.removed, 'key')}.")
    raise SystemExit(exits.NOT_ALL if found.unopened or found.missing else exits.DONE)
