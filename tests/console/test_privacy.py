"""The privacy desk: who asks, what is held, handed over, erased, and the receipt of that."""

import re

from tests.api.shop import Shop, done
from tests.console.browsing import signed_in

PATH = "/console/privacy"


async def test_what_is_held_is_counted_and_handed_over_as_rest_does(shop: Shop) -> None:
    id_ = await shop.customer(first_name="Zelda", last_name="Quimbolt", wp_user="yes")
    await shop.pay(await shop.order(id_, 900), 900)
    await shop.address(id_)
    order_id = await shop.order(await shop.customer(), 100)
    done(await shop.post(f"/orders/{order_id}/transfer", {"customer_id": id_}))
    done(await shop.post(f"/orders/{order_id}/transfer", {"customer_id": await shop.customer()}))
    async with signed_in(shop) as visitor:
        assert f'href="{PATH}/{id_}"' in (await visitor.get(f"{PATH}?who=quimbolt")).text
        assert "Nobody found" in (await visitor.get(f"{PATH}?who=nobodyatall")).text
        held = done(await shop.get(f"/customers/{id_}/export"))["export"]
        page = (await visitor.get(f"{PATH}/{id_}")).text
        counts = re.findall(r'<dt>[^<]+</dt><dd class="num">(\d+)</dd>', page)
        parts = ("addresses", "orders", "users", "events", "events_of_users", "claims", "kept_answers", "keys")
        assert [int(count) for count in counts] == [len(held[part]) for part in parts]
        assert counts[:5] == ["1", "1", "1", "8", "1"]
        file = await visitor.get(f"{PATH}/{id_}/export.json")
        assert file.json()["export"] == held
        assert file.headers["content-disposition"] == f'attachment; filename="customer-{id_}.json"'
        assert file.headers["cache-control"] == "no-store"
        assert file.headers["content-type"] == "application/json"


async def test_one_is_erased_when_its_email_and_a_reason_are_typed_and_leaves_a_receipt(shop: Shop) -> None:
    id_ = await shop.customer(first_name="Zelda", wp_user="yes")
    email = (await shop.shown(id_))["email"]
    async with signed_in(shop) as visitor:
        path = f"{PATH}/{id_}"
        for typed, reason, problem in ((f"x{email}", "asked", "typed"), ("", "asked", "typed"), (email, " ", "reason")):
            form = await visitor.hidden(path) | {"typed": typed, "reason": reason}
            answer = await visitor.post(f"{path}/erase", form)
            assert (answer.status_code, f'id="{problem}-problem"' in answer.text) == (422, True)
            assert (await shop.shown(id_))["email"] == email
        form = await visitor.hidden(path) | {"typed": email, "reason": "asked by letter"}
        for _ in range(2):  # a double click
            answer = await visitor.post(f"{path}/erase", form)
            assert (answer.status_code, answer.headers["location"]) == (303, path)
        receipt = done(await shop.get(f"/customers/{id_}/erasure"))["erasure"]
        page = (await visitor.get(path)).text
        assert "asked by letter" in page
        assert f'<dd class="num">{receipt["erased_at"]} UTC</dd>' in page
        assert f'<dd class="num">{receipt["events"]}</dd>' in page
        assert "Zelda" not in page
        assert f'href="{path}">{id_}</a>' in (await visitor.get(PATH)).text


async def test_a_manager_erases_but_sees_no_receipt_and_a_worker_does_neither(shop: Shop) -> None:
    id_ = await shop.customer()
    email = (await shop.shown(id_))["email"]
    async with signed_in(shop, "manager") as visitor:
        form = await visitor.hidden(f"{PATH}/{id_}") | {"typed": email, "reason": "asked"}
        assert (await visitor.post(f"{PATH}/{id_}/erase", form)).status_code == 303
        page = (await visitor.get(f"{PATH}/{id_}")).text
        assert "<code>history/view</code>" in page
        assert "<h2>Receipt</h2>" not in page
        assert "Receipts" not in (await visitor.get(PATH)).text


async def test_who_asks_is_read_as_rest_reads_a_search(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        for who, status in (("ltv > 5", 200), ("%25", 200), ("%00", 422), ("x" * 1_001, 422)):
            assert (await visitor.get(f"{PATH}?who={who}")).status_code == status
