"""A store of many customers, all that a command or a query meets in one: read models, log, keys, claims and ids."""

from api.process.tables import migrate
from benchmarks import people
from benchmarks.shop import Shop
from projections.database import open_store

ID_FROM = "SELECT setval('customer_ids', $1)"
OTHER_COLUMNS = """
    SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
    WHERE table_name = 'stored_events' AND column_name NOT IN ('originator_id', 'notification_id', 'customer_id')"""
# As `eventstore.postgres.stream_ids` makes them.
STREAM = "('0001000000008000' || '8' || lpad(to_hex({id}), 15, '0'))::uuid"
# Of everybody only the registration, and everybody's the same, as are their keys: nobody reads what it says.
LOG = f"""
    INSERT INTO stored_events (originator_id, customer_id, {{columns}})
    SELECT {STREAM.format(id="n")}, n, {{columns}}
    FROM generate_series(1, {{count}}) AS n CROSS JOIN (
        SELECT * FROM stored_events WHERE topic LIKE 'customer-registered#%' LIMIT 1) AS registration
    ORDER BY n"""
CLAIMS = f"""
    INSERT INTO claims (kind, value, originator_id)
    SELECT known.kind, 'claimed ' || c.email, {STREAM.format(id="c.id")}
    FROM customers AS c CROSS JOIN (SELECT kind FROM claims LIMIT 1) AS known WHERE c.id <= $1 ORDER BY c.id"""
KEYS = f"""
    INSERT INTO stream_keys (originator_id, since, master_id, wrapped)
    SELECT {STREAM.format(id="n")}, 1, key.master_id, key.wrapped
    FROM generate_series(1, $1) AS n CROSS JOIN (SELECT master_id, wrapped FROM stream_keys LIMIT 1) AS key"""


async def fill(dsn: str, count: int) -> None:
    """An empty database: migrated, with so many customers, and one more."""
    await migrate(dsn)
    async with open_store(dsn) as store, store.pool.acquire() as connection:
        await people.load(connection, count)
        await connection.execute(ID_FROM, count)
        await Shop(store).open(1)
        columns: str = await connection.fetchval(OTHER_COLUMNS)
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")  # no triggers: nothing follows it
            await connection.execute(LOG.format(columns=columns, count=count))
            await connection.execute(CLAIMS, count)
            await connection.execute(KEYS, count)
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
