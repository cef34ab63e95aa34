"""`custodiary keys`: the keys that personal data is sealed with, and the master key that wraps them."""

from api.cli.syntax.options import Json, Verbose, group

keys = group("Keys that personal data is sealed with.")


@keys.command("rotate")
def rotate_keys(*, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Wrap all keys by another master key, while the service goes on.

    It is the first of those in MASTER_KEY or MASTER_KEY_FILE. If that is the current one already, a new one is made and
    put in front of it in the file.
    """
    from api.cli.actions import keys as work

    work.rotate_keys(as_json=as_json)


@keys.command("check")
def check_keys(*, as_json: Json = False, _verbose: Verbose = False) -> None:
    """After keys were restored: do they open, are all of them there?

    Those of the erased are destroyed again, those of events that are not in the log are removed, and none of their ids
    is given again.
    """
    from api.cli.actions import keys as work

    work.check_keys(as_json=as_json)
