"""Changes rows behind the events, as somebody with SQL might: so a sample has what verifications and replays find."""

import asyncpg

FIGURES = "UPDATE figures SET ltv = ltv + 1999, aov = round(aov * 1.1, 2) WHERE id = $1"
COUNT = "UPDATE figures SET purchase_count = purchase_count + 1 WHERE id = $1"
CITY = "UPDATE customers SET city = 'Lisbon' WHERE id = $1"


async def spoil(pool: asyncpg.Pool, one: int, other: int, third: int) -> None:
    """One customer's lifetime value, another's purchases, a third one's city."""
    async with pool.acquire() as connection, connection.transaction():
        for statement, id_ in ((FIGURES, one), (COUNT, other), (CITY, third)):
            await connection.execute(statement, id_)
