"""`custodiary audit`: can it be shown that nothing in the log was altered, taken out or put in?"""

import gzip
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import typer

from api.cli.terminal import exits
from api.cli.terminal.files import replacing
from api.cli.terminal.naming import store_name
from api.cli.terminal.output import print_json, say
from api.cli.terminal.session import with_store
from api.presentation.story.words import many
from eventstore.chain.checkpoints import Checkpoint, line, read_lines
from eventstore.chain.dump import dump, dumped
from eventstore.chain.signer import sign_new
from eventstore.chain.signing import KEY, KEY_FILE, SigningKey, SigningKeyError
from eventstore.chain.verify import Verifier
from eventstore.sealing.key_material import HOW
from eventstore.store import Store
from service import audit
from service.audit import MOST_FAULTS, FoundFaults

PRINTED = 20  # to people


def verify(
    *, file: Path | None, keys: list[str] | None, kept_file: Path | None, since: int | None, as_json: bool
) -> None:  # fmt: skip
    began, found = time.monotonic(), FoundFaults()
    if file is None:
        verifier = with_store(lambda store: _verify_store(store, keys, kept_file, since, found))
    elif since is not None:
        raise typer.BadParameter("A dump is checked as a whole.", param_hint="--since")
    else:
        verifier = audit.verifier(keys, _kept(kept_file), None)
        for block in dumped(file):
            found.add(verifier.block(block))
        found.add(verifier.end())
    seconds = time.monotonic() - began
    if as_json:
        print_json(({"dump": str(file)} if file else {"store": store_name()}) | _as_json(verifier, found))
    else:
        _print(verifier, found, seconds, is_known=bool(verifier.keys))
    raise SystemExit(exits.NOT_ALL if found.count else exits.DONE)


async def _verify_store(
    store: Store, keys: list[str] | None, kept_file: Path | None, since: int | None, found: FoundFaults
) -> Verifier:
    verifier = audit.verifier(keys, _kept(kept_file), SigningKey.from_environment())
    follows = await audit.find_checkpoint(store, since) if since is not None else None
    if since is not None and follows is None:
        raise typer.BadParameter(f"There is no checkpoint {since}.", param_hint="--since")
    await audit.verify(store, verifier, found, follows=follows)
    return verifier


def _kept(file: Path | None) -> list[Checkpoint]:
    try:
        return read_lines(file.read_text("utf-8").splitlines()) if file else []
    except (msgspec.DecodeError, UnicodeError):
        raise typer.BadParameter("It has to hold lines that `audit checkpoint` printed.", param_hint="--kept") from None


def _as_json(verifier: Verifier, found: FoundFaults) -> dict[str, Any]:
    last = verifier.last
    return {
        "events": verifier.events,
        "checkpoints": verifier.checkpoints,
        "signed_by": sorted(verifier.signed_by),
        "signed_until": last.until if last else 0,
        "signed_at": last.signed_at if last else None,
        "unsigned": verifier.unsigned,
        "faults": found.count,
        "first": [msgspec.to_builtins(fault) for fault in found.first],
    }


def _print(verifier: Verifier, found: FoundFaults, seconds: float, *, is_known: bool) -> None:
    for fault in found.first[:PRINTED]:
        say(str(fault))
    if found.count > PRINTED:
        say(f"… and {found.count - PRINTED} more; --json shows {MOST_FAULTS}.")
    rate = f"{verifier.events / seconds:,.0f} a second"
    events, checkpoints = many(verifier.events, "event"), many(verifier.checkpoints, "checkpoint")
    say(f"Checked {events} ({rate}) and {checkpoints}: {many(found.count, 'fault')}.")
    if last := verifier.last:
        when = f"{last.signed_at:%Y-%m-%d %H:%M:%S} UTC"
        say(f"Signed up to position {last.until}, {when}; no checkpoint covers {verifier.unsigned} of the events.")
        if not is_known:
            say(f"Signed with {', '.join(sorted(verifier.signed_by))}: compare it, or give --key.")
    else:
        say("No checkpoint covers them: events at the end of the log may be missing.")


def write_dump(file: Path, *, force: bool) -> None:
    with replacing(file, force=force) as raw, _packed(raw, file) as opened:
        with_store(lambda store: dump(store.pool, opened))


@contextmanager
def _packed(raw: IO[bytes], file: Path) -> Iterator[IO[bytes]]:
    if file.suffix == ".gz":
        with gzip.GzipFile(file.name, fileobj=raw, mode="wb", compresslevel=1) as packed:
            yield cast("IO[bytes]", packed)
    else:
        yield raw


def checkpoint() -> None:
    newest = with_store(lambda store: sign_new(store.pool, _key()))
    if newest is None:
        exits.end(exits.NOT_ALL, "There is nothing to be signed yet.")
    say(line(newest))


def print_key() -> None:
    async def work(_store: Store) -> str:
        return _key().public

    say(with_store(work))


def _key() -> SigningKey:
    """Raises SigningKeyError."""
    key = SigningKey.from_environment()
    if key is None:
        raise SigningKeyError(f"Neither {KEY} nor {KEY_FILE} is set: {HOW}")
    return key
