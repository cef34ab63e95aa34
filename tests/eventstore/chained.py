"""What is chained to what, told by PostgreSQL: nothing of the service's own reckoning is used."""

from eventstore.store import Store

UNCHAINED = """
    SELECT originator_id, originator_version FROM (
        SELECT originator_id, originator_version, digest, sha256(
            coalesce(lag(digest) OVER stream, '') || record_send(ROW(
                originator_id, originator_version, occurred_at, customer_id, former_customer_id,
                topic, state, actor, request_id, correlation_id))) AS due
        FROM stored_events WINDOW stream AS (PARTITION BY originator_id ORDER BY originator_version)
    ) AS events WHERE digest IS DISTINCT FROM due ORDER BY originator_id, originator_version"""


async def unchained(store: Store) -> list[tuple[str, int]]:
    """Events whose digest is not that of their predecessor and themselves."""
    return [(str(id_), version) for id_, version in await store.pool.fetch(UNCHAINED)]
