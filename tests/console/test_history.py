"""The history of the store: REST's, in lines."""

from html import unescape

import pytest

from projections.history import pages
from service.credentials.roles import Role
from tests.api.shop import Shop, done
from tests.console.browsing import signed_in
from tests.console.reading import rows_of, text_of

QUERIES = (
    "type=payment-recorded", "actor=administrator", "actor=nobody", "from=2000-01-01&to=2000-02-01",
    "type=order-placed&actor=administrator",
)  # fmt: skip
NOT_YET = "Among the 10,000 events that were looked at, none matches. Older ones may."


def older(html: str) -> str:
    return unescape(html.partition('rel="next" href="')[2].partition('"')[0])


async def test_it_has_rests_events_newest_first_and_older_ones_behind(empty_shop: Shop) -> None:
    shop = empty_shop
    id_ = await shop.customer(first_name="Ada", last_name="")
    for number in range(30):
        await shop.pay(await shop.order(id_, 1_000 + number), 1_000 + number)
    events = done(await shop.get("/history?per_page=199"))["history"]["data"]
    async with signed_in(shop) as visitor:
        html, seen = (await visitor.get("/console/history")).text, []
        assert rows_of(html)[0][2:] == [
            f"Payment order {events[0]['subject']['id']} +$10.29",
            "payment status was pending → now paid total paid was $0.00 → now $10.29",
            "administrator",
        ]
        while True:
            seen += [int(row[0].replace(",", "")) for row in rows_of(html)]
            if not (path := older(html)):
                break
            html = (await visitor.get(path)).text
        assert seen == [event["position"] for event in events]


async def test_its_filters_are_rests_and_say_how_far_they_look(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = await shop.customer()
    await shop.pay(await shop.order(id_), 1_000)
    for query in QUERIES:
        expected = done(await shop.get(f"/history?{query}&per_page=25"))["history"]["data"]
        async with signed_in(shop) as visitor:
            html = (await visitor.get(f"/console/history?{query}")).text
            assert [row[0] for row in rows_of(html)] == [str(event["position"]) for event in expected]
            assert f"/history?{query}".replace("&", "&amp;") in html
    monkeypatch.setattr(pages, "LOG_WINDOW", 2)
    async with signed_in(shop) as visitor:
        html = (await visitor.get("/console/history?type=customer-registered")).text
        assert (
            "Nothing like that Among the 10,000 events that were looked at, none matches. Older ones may."
            in text_of(html)
        )
        assert older(html)


async def test_what_can_not_be_read_is_said_in_rests_words(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        for query in ("type=nonsense", "from=yesterday", "cursor=x"):
            answer = await visitor.get(f"/console/history?{query}")
            refused = await shop.get(f"/history?{query}")
            assert (answer.status_code, refused.status_code) == (422, 422)
            assert refused.json()["message"] in text_of(answer.text)


async def test_what_an_erased_customer_said_is_erased_here(empty_shop: Shop) -> None:
    shop = empty_shop
    id_ = await shop.customer(first_name="Grace", last_name="Hopper")
    done(await shop.post("/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [id_]}))
    async with signed_in(shop) as visitor:
        html = (await visitor.get("/console/history")).text
        erased, registered = rows_of(html)
        assert erased[2] == f"Erased customer {id_}"
        assert registered[2:4] == [f"Registered customer {id_}", "erased"]
        assert "Hopper" not in html


@pytest.mark.parametrize("role", ["manager", "worker", "monitor"])
async def test_it_is_for_who_may_see_the_history_of_the_store(shop: Shop, role: Role) -> None:
    async with signed_in(shop, role) as visitor:
        answer = await visitor.get("/console/history")
        assert (answer.status_code, "history/view" in answer.text) == (403, True)
