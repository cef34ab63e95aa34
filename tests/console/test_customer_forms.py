"""What can be changed on a customer's page: each form does what REST does, once, and says why where it does not."""

from html import unescape

import httpx

from tests.api.shop import HOME, Shop, done
from tests.console.browsing import Visitor, signed_in


async def send(visitor: Visitor, page: str, action: str, **form: object) -> httpx.Response:
    """A form of a page, with what is hidden in every one."""
    return await visitor.post(action, await hidden(visitor, page) | form)


async def hidden(visitor: Visitor, page: str) -> dict[str, str]:
    found = await visitor.hidden(page)
    return {name: found[name] for name in ("csrf", "key", "version") if name in found}


def text_of(answer: httpx.Response) -> str:
    return unescape(answer.text)


async def test_an_edit_changes_what_was_typed_and_goes_back_to_the_customer(shop: Shop) -> None:
    id_ = await shop.customer(notes="one\n2")
    path = f"/console/customers/{id_}"
    async with signed_in(shop, "manager") as visitor:
        form = {
            "first_name": "Zoë",
            "last_name": "",
            "email": "zoe@example.com",
            "notes": "one\r\n2",
            "country": "IT",
        }
        answer = await send(visitor, f"{path}/edit", f"{path}/edit", **form)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
    customer = await shop.shown(id_)
    assert [customer[name] for name in form] == ["Zoë", "", "zoe@example.com", "one\n2", "IT"]
    history = done(await shop.get(f"/customers/{id_}/history"))["history"]["data"]
    assert [entry["type"] for entry in history] == [
        "customer-moved", "customer-email-changed", "customer-renamed", "customer-registered"
    ]  # fmt: skip


async def test_what_does_not_fit_is_said_at_its_field_and_nothing_typed_is_lost(shop: Shop) -> None:
    id_ = await shop.customer()
    path = f"/console/customers/{id_}/edit"
    async with signed_in(shop, "manager") as visitor:
        answer = await send(visitor, path, path, first_name="", email="nowhere", city="Rome")
    assert answer.status_code == 422
    assert 'aria-describedby="email-problem"' in answer.text
    assert "must be a valid email address" in answer.text
    assert 'name="city" type="text" value="Rome"' in answer.text


async def test_of_two_edits_neither_is_lost(shop: Shop) -> None:
    id_ = await shop.customer(first_name="Jane", city="Oslo", notes="old")
    path = f"/console/customers/{id_}/edit"
    async with signed_in(shop, "manager") as ann, signed_in(shop) as bob:
        of_ann = await hidden(ann, path)
        done_by_bob = await send(bob, path, path, first_name="Janet", city="Bergen")
        assert done_by_bob.status_code == 303
        typed = {"first_name": "Joan", "city": "Oslo", "notes": "new"}
        late = await ann.post(path, of_ann | typed)
        assert late.status_code == 412
        html = text_of(late)
        assert "administrator was faster" in html
        # Both have renamed; only Bob has moved her; only Ann has changed the notes.
        assert 'name="first_name" value="Janet">' in html
        assert 'name="first_name" value="Joan" checked>' in html
        assert 'name="city" value="Bergen" checked>' in html
        assert 'name="city" value="Oslo">' in html
        assert 'name="notes" value="new" checked>' in html
        chosen = await send(ann, path, path, first_name="Joan", city="Bergen", notes="new")
        assert chosen.status_code == 303
    customer = await shop.shown(id_)
    assert [customer[name] for name in ("first_name", "city", "notes")] == ["Joan", "Bergen", "new"]


async def test_a_form_that_is_sent_twice_is_carried_out_once(shop: Shop) -> None:
    id_ = await shop.customer()
    order = await shop.order(id_, 5_000)
    page = f"/console/customers/{id_}?tab=orders&order={order}"
    async with signed_in(shop, "manager") as visitor:
        form = await hidden(visitor, page) | {"amount": "20.50", "transaction_id": "ch_twice"}
        answers = [await visitor.post(f"/console/customers/{id_}/orders/{order}/payments", form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == f"/console/customers/{id_}?tab=orders&order={order}"
    assert done(await shop.get(f"/orders/{order}"))["order"]["total_paid"] == 2_050


async def test_an_order_is_refunded_and_given_away(shop: Shop) -> None:
    id_, other = await shop.customer(), await shop.customer()
    order = await shop.order(id_, 1_500, total_paid=1_500, currency="JPY")
    page, path = f"/console/customers/{id_}?tab=orders&order={order}", f"/console/customers/{id_}/orders/{order}"
    async with signed_in(shop, "manager") as visitor:
        too_much = await send(visitor, page, f"{path}/refunds", amount="1501", transaction_id="re_1", reason="Broken")
        assert too_much.status_code == 422
        assert 'value="Broken"' in too_much.text
        assert 'id="amount-problem"' in too_much.text
        assert f'<a class="cover" href="/console/customers/{id_}?tab=orders&amp;order={order}">' in too_much.text
        odd = await send(visitor, page, f"{path}/refunds", amount="12.5", transaction_id="re_1")
        assert "The amount must be a number such as 1250." in odd.text
        refunded = await send(visitor, page, f"{path}/refunds", amount="500", transaction_id="re_2", reason="Broken")
        assert refunded.status_code == 303
        nobody = await send(visitor, page, f"{path}/transfer", customer_id="999999")
        assert nobody.status_code == 404
        given = await send(visitor, page, f"{path}/transfer", customer_id=other)
        assert given.status_code == 303
        gone = await send(visitor, page, f"{path}/transfer", customer_id=other)
        assert gone.status_code == 404
    shown = done(await shop.get(f"/orders/{order}"))["order"]
    assert (shown["total_refund"], shown["customer_id"]) == (500, other)


async def test_labels_are_set_and_taken_off(shop: Shop) -> None:
    id_, one, two = await shop.customer(), await shop.label(), await shop.label()
    path = f"/console/customers/{id_}"
    async with signed_in(shop, "manager") as visitor:
        for labels in (["", one, two], ["", two], [""]):
            answer = await send(visitor, f"{path}/edit", f"{path}/labels", labels=labels)
            assert answer.status_code == 303
            assert (await shop.shown(id_))["selected_labels"] == labels[1:]


async def test_labels_that_met_a_faster_edit_are_ticked_as_they_were_sent(shop: Shop) -> None:
    id_, one, two = await shop.customer(), await shop.label(), await shop.label()
    path = f"/console/customers/{id_}"
    async with signed_in(shop, "manager") as visitor:
        form = await hidden(visitor, f"{path}/edit")
        done(await shop.put(f"/customers/{id_}/additional-info", {"labels": [one]}))
        late = await visitor.post(f"{path}/labels", form | {"labels": ["", two]})
        assert late.status_code == 412
        assert "has changed meanwhile" in late.text
        assert f'value="{two}" checked>' in late.text
        assert f'value="{one}">' in late.text
    assert (await shop.shown(id_))["selected_labels"] == [one]


async def test_a_user_is_attached_and_detached(shop: Shop) -> None:
    id_, user = await shop.customer(), await shop.user()
    path = f"/console/customers/{id_}"
    async with signed_in(shop, "manager") as visitor:
        nobody = await send(visitor, f"{path}/edit", f"{path}/user", user_id="77")
        assert (nobody.status_code, 'name="user_id" type="text" value="77"' in nobody.text) == (422, True)
        assert (await send(visitor, f"{path}/edit", f"{path}/user", user_id=user)).status_code == 303
        assert (await shop.shown(id_))["user_id"] == user
        assert (await send(visitor, f"{path}/edit", f"{path}/user/detach")).status_code == 303
        assert (await shop.shown(id_))["user_id"] is None


async def test_addresses_are_added_changed_made_primary_and_removed(shop: Shop) -> None:
    id_ = await shop.customer()
    first = await shop.address(id_)
    page, path = f"/console/customers/{id_}?tab=addresses", f"/console/customers/{id_}/addresses"
    async with signed_in(shop, "manager") as visitor:
        unfit = await send(visitor, page, path, **HOME | {"postcode": "", "city": "Albany"})
        assert unfit.status_code == 422
        assert 'name="city" type="text" value="Albany"' in unfit.text
        assert (await send(visitor, page, path, **HOME | {"city": "Albany"})).status_code == 303
        [second] = [each["id"] for each in await shop.addresses(id_) if each["id"] != first]
        changed = await send(visitor, page, f"{path}/{second}", **HOME | {"city": "Troy", "label": "Office"})
        assert (changed.status_code, changed.headers["location"]) == (303, page)
        assert (await send(visitor, page, f"{path}/{second}/make-primary", type="billing")).status_code == 303
        assert await shop.primaries(id_) == [second]
        kept = await send(visitor, page, f"{path}/{second}/remove")
        assert kept.status_code == 403
        assert (await send(visitor, page, f"{path}/{first}/remove")).status_code == 303
    [left] = await shop.addresses(id_)
    assert (left["id"], left["city"], left["label"]) == (second, "Troy", "Office")


async def test_figures_are_computed_again_and_it_says_which_were_wrong(shop: Shop) -> None:
    id_ = await shop.customer()
    await shop.order(id_, 5_000, total_paid=5_000)
    await shop.pool.execute("UPDATE figures SET ltv = 7 WHERE id = $1", id_)
    page = f"/console/customers/{id_}?tab=ltv"
    async with signed_in(shop, "manager") as visitor:
        assert "Stored lifetime value: 0.07 USD. The events give 50.00 USD." in text_of(await visitor.get(page))
        answer = await send(visitor, page, f"/console/customers/{id_}/recalculate")
        assert answer.headers["location"] == f"{page}&mended=ltv"
        mended = text_of(await visitor.get(answer.headers["location"]))
        assert "Wrong was: lifetime value." in mended
        assert "as stored" in mended
    assert (await shop.shown(id_))["ltv"] == 5_000


async def test_who_may_only_look_changes_nothing(shop: Shop) -> None:
    id_ = await shop.customer()
    order = await shop.order(id_, 5_000)
    path = f"/console/customers/{id_}"
    actions = ("edit", "labels", "user", "user/detach", "recalculate", f"orders/{order}/payments", "addresses")
    async with signed_in(shop, "worker") as visitor:
        csrf = await hidden(visitor, path)
        for action in actions:
            answer = await visitor.post(f"{path}/{action}", csrf)
            assert answer.status_code == 403
            assert "/manage</code>" in answer.text
        assert (await visitor.get(f"{path}/edit")).status_code == 403
