"""All who have tables in the database, and their tables made or brought up to date."""

from importlib import resources

from eventstore.postgres.migrate import Owner
from eventstore.sealing.master_keys import MasterKeys
from projections import database

ACCESS = Owner("access", resources.files("api").joinpath("access"))
RELAY = Owner("relay", resources.files("service").joinpath("relay"))
DELIVERY = Owner("delivery", resources.files("service").joinpath("webhooks", "delivery"))
# Each refers to the tables of those before it only.
OWNERS = (*database.OWNERS, ACCESS, RELAY, DELIVERY)


async def migrate(dsn: str) -> None:
    """Create or update all tables, and rebuild the read models whose shape has changed.

    Raises SchemaError, and MasterKeyError before anything is made.
    """
    MasterKeys.from_environment()
    await database.migrate(dsn, OWNERS)
