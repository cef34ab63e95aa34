"""One box for whatever one knows a piece of, and for what one wants to do."""

import re
from html import unescape

import pytest

from service.credentials.roles import Role
from tests.api.shop import Shop, done
from tests.console.browsing import Visitor, signed_in

HIT = re.compile(r'<a class="hit" href="([^"]*)">.*?<span>(.*?)</span>', re.DOTALL)


async def hits(visitor: Visitor, q: str) -> list[tuple[str, str]]:
    """Title and address of each."""
    answer = await visitor.http.get("/console/find", params={"q": q})
    assert answer.status_code == 200
    return [(unescape(title), unescape(path)) for path, title in HIT.findall(answer.text)]


async def test_everything_is_found_by_what_one_knows_of_it(shop: Shop) -> None:
    id_ = await shop.customer(first_name="Grace", last_name="Hopper", email="grace@navy.example")
    await shop.address(id_, phone="+39 06 6982 1234")
    order = await shop.order(id_, 1_500, invoice_no="INV-77/b", receipt_number="R-12")
    await shop.pay(order, 1_500, "ch_3Abc")
    await shop.http.patch(f"/customers/{id_}", json={"city": "Rome"}, headers={"X-Request-Id": "from-the-till"})
    position = await shop.position()
    label = done(await shop.post("/labels", {"value": "Très VIP"}))["data"]["id"]
    person = ("Grace Hopper", f"/console/customers/{id_}")
    ordered = (f"Order {order}", f"/console/customers/{id_}?tab=orders#order-{order}")
    labelled = f"/console/customers/filter?condition=labels+labels+in&value={label}"
    async with signed_in(shop) as visitor:
        for q in ("grace", "HOPPER", "ce hop", "grace@navy.example", "navy", "06 69821234", "0039 06 6982 1234"):
            assert await hits(visitor, q) == [person]
        for q in ("inv-77/B", "r-12", "ch_3Abc"):
            assert await hits(visitor, q) == [ordered]
        assert person in await hits(visitor, str(id_))
        assert ordered in await hits(visitor, str(order))
        assert (f"Event {position}", f"/console/events/{position}") in await hits(visitor, str(position))
        assert await hits(visitor, "from-the-till") == [(f"Event {position}", f"/console/events/{position}")]
        assert await hits(visitor, "tres vip") == [("Très VIP", labelled)]
        answer = await visitor.get(labelled)
        assert answer.status_code == 303
        for q in ("nobody at all", "%", "\0", "'", "<b>"):
            assert await hits(visitor, q) == []


@pytest.mark.parametrize(
    ("role", "actions", "sees"),
    [
        ("administrator", ["Erase a person …", "Replay …"], "Ada Lovelace"),
        ("manager", ["Erase a person …"], "Ada Lovelace"),
        ("worker", [], "A. L."),
    ],
)
async def test_what_is_found_is_within_the_role(shop: Shop, role: Role, actions: list[str], sees: str) -> None:
    email = f"ada@{role}.example"
    await shop.customer(first_name="Ada", last_name="Lovelace", email=email)
    async with signed_in(shop, role) as visitor:
        assert [title for q in ("erase", "repl") for title, _path in await hits(visitor, q) if "…" in title] == actions
        assert [title for title, _path in await hits(visitor, email)] == [sees]
        events = [title for title, _path in await hits(visitor, "1") if title.startswith("Event")]
        assert events == (["Event 1"] if role == "administrator" else [])


async def test_an_action_takes_along_what_it_is_about(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        assert ("Erase a person …", "/console/privacy?who=ada+l") in await hits(visitor, "erase ada l")
        assert ("Customers", "/console/customers") in await hits(visitor, "cust")


async def test_who_sees_nobody_finds_nobody(shop: Shop) -> None:
    async with signed_in(shop, "monitor") as visitor:
        answer = await visitor.get("/console/find?q=ada")
        assert (answer.status_code, "customers/view" in answer.text) == (403, True)
        assert 'id="finder"' not in (await visitor.get("/console")).text
