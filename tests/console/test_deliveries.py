"""What webhooks were sent, in the console: their page, a timeline, health and the privacy desk."""

from tests.api.shop import Shop, done
from tests.api.test_deliveries_http import receiver, sent, shop_that_delivers, until
from tests.api.test_webhooks_http import made, shown
from tests.console.browsing import signed_in
from tests.console.reading import rows_of, text_of
from tests.webhooks.receiver import Receiver, answering, take

__all__ = ["receiver", "shop_that_delivers"]

PATH = "/console/feeds"
SAID = "<b>full</b>"


async def failing(shop: Shop, receiver: Receiver) -> tuple[int, int]:
    """A webhook, and a customer whose registration it did not take."""
    receiver.answer = answering(507, text=SAID)
    id_ = (await made(shop, url=receiver.url(), types=["customer-registered"]))["id"]
    customer = await shop.customer()
    await until(lambda: shown(shop, id_), lambda one: one["lag"] and one["lag"]["last_failure"])
    return id_, customer


async def test_the_page_has_the_lag_the_last_failure_with_its_answer_and_what_is_sent_again(
    shop: Shop, receiver: Receiver
) -> None:
    id_, _ = await failing(shop, receiver)
    async with signed_in(shop) as visitor:
        page = (await visitor.get(f"{PATH}/{id_}")).text
        assert "Waiting 1 event that it is yet to be sent" in text_of(page)
        assert "507 to customer-registered" in text_of(page)
        assert SAID not in page
        assert SAID in text_of(page)
        [[_when, event, *_, outcome, _took, _again]] = rows_of(page)
        assert (event, outcome.partition(" ")[0]) == ("customer-registered", "507")
        [[_name, state, behind, failure, _events]] = rows_of((await visitor.get(PATH)).text)
        assert (state, behind.partition(" ")[0], failure.partition(" ")[0]) == ("enabled", "1", "507")
        receiver.answer = take
        [attempt] = await sent(shop, id_, 1)
        here = f"{PATH}/{id_}"
        answer = await visitor.post(f"{here}/deliveries/{attempt['id']}/resend", await visitor.hidden(here))
        assert (answer.status_code, answer.headers["location"]) == (303, here)
        await sent(shop, id_, 2)
        [[_, newest, *_], _] = rows_of((await visitor.get(here)).text)
        assert newest == "customer-registered resent"
        older = text_of((await visitor.get(f"{here}?before={attempt['id']}")).text)
        assert "Nothing was sent in the last 30 days." in older
        gone = await visitor.post(f"{here}/deliveries/999999/resend", await visitor.hidden(here))
        assert (gone.status_code, "Delivery not found." in gone.text) == (404, True)


async def test_a_customers_timeline_says_which_webhooks_took_an_event_to_who_may_know(
    shop: Shop, receiver: Receiver
) -> None:
    id_, customer = await failing(shop, receiver)
    page = f"/console/customers/{customer}"
    link = f'href="{PATH}/{id_}"'
    async with signed_in(shop) as visitor, signed_in(shop, "manager") as manager:
        shows = (await visitor.get(page)).text
        assert (link in shows, "127.0.0.1 507" in text_of(shows)) == (True, True)
        assert link not in (await manager.get(page)).text
        receiver.answer = take
        [attempt] = await sent(shop, id_, 1)
        done(await shop.post(f"/webhooks/{id_}/deliveries/{attempt['id']}/resend"))
        await sent(shop, id_, 2)
        assert "127.0.0.1 took it" in text_of((await visitor.get(page)).text)
        done(await shop.delete(f"/webhooks/{id_}"))
        assert f"webhook {id_} took it" in text_of((await visitor.get(page)).text)


async def test_the_overview_says_which_webhooks_need_somebody(shop: Shop, receiver: Receiver) -> None:
    async with signed_in(shop) as visitor:
        assert "Webhooks" not in text_of((await visitor.get("/console")).text)
        id_, _ = await failing(shop, receiver)
        assert f"Webhooks: {id_} behind" in text_of((await visitor.get("/console")).text)
        done(await shop.post(f"/webhooks/{id_}/pause"))
        assert "none is behind" in text_of((await visitor.get("/console")).text)


async def test_the_privacy_desk_says_who_was_told_and_who_has_not_taken_it(shop: Shop, receiver: Receiver) -> None:
    id_ = (await made(shop, url=receiver.url(), types=["customer-registered"]))["id"]
    customer = await shop.customer()
    await sent(shop, id_, 1)
    receiver.answer = answering(500)
    done(await shop.delete(f"/customers/{customer}"))
    await sent(shop, id_, 2)
    async with signed_in(shop) as visitor:
        [[webhook, _sent, acknowledged]] = rows_of((await visitor.get(f"/console/privacy/{customer}")).text)
        assert (webhook, acknowledged) == (f"127.0.0.1 {id_}", "not yet")
        never = await shop.customer()
        receiver.answer = take
        done(await shop.post(f"/webhooks/{id_}/pause"))
        done(await shop.delete(f"/customers/{never}"))
        page = text_of((await visitor.get(f"/console/privacy/{never}")).text)
        assert "No webhook was ever sent anything about this person." in page
