"""Kept answers take little room, and can be read for as long as they are kept."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from eventstore.postgres.answers import TYPICAL, pack, unpack
from tests.api.shop import HOME, Shop, done

MOST = 300  # bytes of a row: with a body as it is sent, it has a thousand
ROW = "SELECT max(pg_column_size(a.*)) FROM answers AS a"


@given(st.binary())
def test_what_is_packed_comes_out_as_it_was(body: bytes) -> None:
    assert unpack(pack(body)) == body


def test_what_versions_before_kept_is_read_as_it_is() -> None:
    assert unpack(b'{"message":"Done"}') == b'{"message":"Done"}'


def test_what_bodies_are_compared_with_never_changes() -> None:
    """Nothing that is kept could be read any more."""
    assert zlib.adler32(TYPICAL) == 2045969674


async def test_a_row_has_less_than_300_bytes(empty_shop: Shop) -> None:
    async def keep(path: str, **said: object) -> int:
        kept = await empty_shop.post(path, said, headers={"Idempotency-Key": path})
        return int(done(kept)["data"]["id"])

    customer_id = await keep(
        "/customers", email="augusta.lovelace@example.com", first_name="Augusta Ada", last_name="L"
    )
    await keep(f"/customers/{customer_id}/address", **HOME)
    order_id = await keep("/orders", customer_id=customer_id, total_amount=129_900)
    await keep(f"/orders/{order_id}/payments", amount=129_900, transaction_id="ch_3MmlLrLkdIwHu7ix0snN0B15")
    assert await empty_shop.pool.fetchval(ROW) <= MOST
