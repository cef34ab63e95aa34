"""A migration that was committed never changes: databases have run it as it read."""

from pathlib import Path

import msgspec

from api.process.tables import OWNERS
from eventstore.migrate import digest, migrations

DIGESTS = Path(__file__).parents[1] / "data" / "migrations.json"


def test_no_migration_has_changed_and_each_is_listed() -> None:
    """A new one is added to the list, in the commit that makes it; what is listed stays as it is."""
    listed: dict[str, str] = msgspec.json.decode(DIGESTS.read_bytes())
    assert {name: digest(sql) for name, sql in migrations(OWNERS).items()} == listed
