"""`custodiary keys`: the keys that personal data is sealed with, and the master key that wraps them."""

from pathlib import Path

import typer

from api.cli.terminal import exits
from api.cli.terminal.output import print_report, progress_bar, say
from api.cli.terminal.session import with_store
from eventstore.sealing.master_keys import KEY, MasterKeys, put_first
from eventstore.sealing.rotation import check, rotate
from eventstore.store import Store


def rotate_keys(*, as_json: bool) -> None:

    async def work(store: Store) -> dict[str, object]:
        sealing = store.log.sealing
        if sealing.masters.first == sealing.master_id:
            sealing.masters = MasterKeys.from_file(_extended(sealing.masters.file))
        new = sealing.masters.first
        rewrapped, unopened = await rotate(store.pool, sealing, new, progress)
        return {"master_key": new, "rewrapped": rewrapped, "unopened": unopened}

    with progress_bar("Wrapping keys") as progress:
        told = with_store(work)
    if as_json:
        print_report(told)
    else:
        say(f"Master key {told['master_key']} wraps {told['rewrapped']} keys now.")
        say("The former ones are needed for older backups of the keys alone: see docs/keys.md.")
        if told["unopened"]:
            say(f"{told['unopened']} keys do not open, and stay as they are.")
    raise SystemExit(exits.NOT_ALL if told["unopened"] else exits.DONE)


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
        say(f"{found.opened} keys open, {found.unopened} do not; {found.missing} streams lack theirs.")
        if found.destroyed_again:
            say(f"The keys of {found.destroyed_again} who are erased had come back, and are destroyed again.")
        if found.removed:
            say(f"{found.removed} keys were of events that are not in the log, and are removed.")
    raise SystemExit(exits.NOT_ALL if found.unopened or found.missing else exits.DONE)
