"""The screen of audit: how far the log is signed, and whether what was signed is still there."""

import re

from eventstore.chain.signer import sign_new
from tests.api.shop import Shop
from tests.console.browsing import signed_in
from tests.eventstore.audited import KEY

PATH = "/console/audit"
ALTERED = "UPDATE stored_events SET actor = 'eve' WHERE notification_id = $1"


async def test_each_day_is_verified_and_a_fault_is_named(empty_shop: Shop) -> None:
    shop = empty_shop
    async with signed_in(shop) as visitor:
        assert "Nothing is signed yet" in (await visitor.get(PATH)).text
        await shop.customer()
        await sign_new(shop.pool, KEY)
        await shop.customer()
        middle = await shop.position()
        await sign_new(shop.pool, KEY)
        await shop.customer()
        page = (await visitor.get(PATH)).text
        assert re.findall(r'<p class="big num">(\d+)</p>', page) == ["2", "3", "1"]
        assert KEY.public in page
        assert f'href="{PATH}/1-2"' in page
        whole, second = [(await visitor.get(f"{PATH}/{part}")).text for part in ("1-2", "2-2")]
        assert "2 events and 2 checkpoints are what was written and signed: no fault." in whole
        assert "1 event and 1 checkpoint are what was written and signed: no fault." in second
        await shop.pool.execute(ALTERED, middle)
        first, second = [(await visitor.get(f"{PATH}/{part}")).text for part in ("1-1", "2-2")]
        assert "no fault" in first
        assert "1 fault in 1 event and" in second
        assert "altered" in second


async def test_checkpoints_that_are_not_there(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        for part in ("1-1", "7", "x-y", "0-0"):
            assert (await visitor.get(f"{PATH}/{part}")).status_code == 404
