"""A migration that was committed never changes: databases have run it as it read."""

from pathlib import Path

import msgspec
import pytest

from api.process.tables import OWNERS
from eventstore.postgres.migrate import FIRST, Owner, digest, migrations

DIGESTS = Path(__file__).parents[1] / "data" / "migrations.json"


def test_no_migration_has_changed_and_each_is_listed() -> None:
    """A new one is added to the list, in the commit that makes it; what is listed stays as it is."""
    listed: dict[str, str] = msgspec.json.decode(DIGESTS.read_bytes())
    assert {name: digest(sql) for name, sql in migrations(OWNERS).items()} == listed


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.name)
def test_each_number_is_given_once_and_none_is_left_out(owner: Owner) -> None:
    """Two branches that are merged may each have made a file of the same number: one of them takes the next."""
    files = sorted(path.name for path in owner.folder.iterdir() if path.name.endswith(".sql"))
    numbers = [1 if name == FIRST else int(name.partition("_")[0]) for name in files]
    assert sorted(numbers) == list(range(1, len(files) + 1)), f"{owner.name}: {', '.join(files)}"
