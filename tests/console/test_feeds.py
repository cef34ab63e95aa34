"""The screen of feeds: webhooks are made, changed, paused, replayed to and deleted as over REST, each form once."""

import re
from typing import Any

from tests.api.shop import Shop, done
from tests.api.test_webhooks_http import loaded, shown
from tests.console.browsing import Visitor, signed_in
from tests.console.reading import rows_of, text_of

PATH = "/console/feeds"
URL = "https://crm.example.com/hooks"
SECRET = re.compile(r'<code id="secret">(whsec_[^<]+)</code>')


async def hidden(visitor: Visitor, path: str) -> dict[str, str]:
    """The hidden fields of the page's own forms."""
    fields = await visitor.hidden(path)
    del fields["to"]  # of the form that changes colours
    return fields


async def made(visitor: Visitor, **said: Any) -> tuple[int, str]:
    """The id of a new webhook, and the page that shows its secret."""
    form = await hidden(visitor, f"{PATH}/new") | {"url": URL, "headers": ""} | said
    answer = await visitor.post(PATH, form)
    assert answer.status_code == 200, answer.text
    found = re.search(rf'href="{PATH}/(\d+)"', answer.text)
    assert found
    return int(found[1]), answer.text


async def act(visitor: Visitor, id_: int, what: str, **said: str) -> str:
    """The page that follows."""
    here = f"{PATH}/{id_}"
    answer = await visitor.post(f"{here}/{what}", await hidden(visitor, here) | said)
    assert (answer.status_code, answer.headers["location"]) == (303, here), answer.text
    return text_of((await visitor.get(here)).text)


async def test_a_webhook_is_made_with_a_secret_that_is_shown_once(shop: Shop) -> None:
    label = await shop.label()
    async with signed_in(shop) as visitor:
        assert "No webhook yet" in (await visitor.get(PATH)).text
        form = await hidden(visitor, f"{PATH}/new") | {
            "url": URL, "description": "CRM", "types[]": ["order-placed", "customer-renamed"],
            "customers[labels][]": [str(label)], "form": "full", "order": "store", "rate": "7",
            "headers": "Authorization: Bearer t0ken: with a colon\n\nx-shop: 1\n",
        }  # fmt: skip
        first = await visitor.post(PATH, form)
        [secret] = SECRET.findall(first.text)
        again = await visitor.post(PATH, form)
        assert (SECRET.findall(again.text), "It was made already" in again.text) == ([], True)
        [webhook] = done(await shop.get("/webhooks"))["webhooks"]
        assert webhook | {
            "url": URL, "description": "CRM", "types": ["order-placed", "customer-renamed"],
            "customers": {"labels": [label]}, "form": "full", "order": "store", "rate": 7,
        } == webhook  # fmt: skip
        state = await loaded(shop.store, webhook["id"])
        assert state.headers == {"authorization": "Bearer t0ken: with a colon", "x-shop": "1"}
        page = (await visitor.get(f"{PATH}/{webhook['id']}")).text
        assert webhook["public_key"] in page
        assert not [text for text in (secret, "t0ken") if text in page]
        [[name, state_, *_]] = rows_of((await visitor.get(PATH)).text)
        assert (name, state_) == (f"CRM {URL}", "enabled")


async def test_what_does_not_fit_is_said_beside_what_was_typed(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        form = await hidden(visitor, f"{PATH}/new") | {
            "url": "ftp://x", "rate": "0", "headers": "host: x\nx-a", "types[]": ["no-such"],
        }  # fmt: skip
        answer = await visitor.post(PATH, form)
        assert answer.status_code == 422
        assert 'value="ftp://x"' in answer.text
        assert "host: x\nx-a</textarea>" in answer.text
        for problem in ("url-problem", "rate-problem", "headers-problem"):
            assert f'id="{problem}"' in answer.text
        assert "does not know “no-such”" in answer.text


async def test_an_edit_keeps_the_values_of_headers_that_it_does_not_name(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        id_, _ = await made(visitor, headers="x-a: 1\nx-b: 2")
        here = f"{PATH}/{id_}/edit"
        page = (await visitor.get(here)).text
        assert "x-a:\nx-b:</textarea>" in page
        form = await hidden(visitor, here) | {"url": "https://b.example", "headers": "x-a:\nx-c: 3"}
        answer = await visitor.post(here, form)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}/{id_}")
        assert (await loaded(shop.store, id_)).headers == {"x-a": "1", "x-c": "3"}
        assert (await shown(shop, id_))["url"] == "https://b.example"


async def test_an_edit_of_a_webhook_that_somebody_else_has_changed_overwrites_nothing(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        id_, _ = await made(visitor)
        form = await hidden(visitor, f"{PATH}/{id_}/edit") | {"url": "https://mine.example", "headers": ""}
        done(await shop.put(f"/webhooks/{id_}", {"url": "https://theirs.example"}))
        answer = await visitor.post(f"{PATH}/{id_}/edit", form)
        assert (answer.status_code, "This webhook has changed meanwhile" in answer.text) == (412, True)
        assert 'value="https://mine.example"' in answer.text
        assert (await shown(shop, id_))["url"] == "https://theirs.example"


async def test_a_webhook_is_paused_resumed_tested_and_deleted(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        id_, _ = await made(visitor)
        assert "Somebody has paused it" in await act(visitor, id_, "pause")
        refused = await visitor.post(f"{PATH}/{id_}/test", await hidden(visitor, f"{PATH}/{id_}"))
        assert (refused.status_code, "The webhook is paused: resume it first." in refused.text) == (409, True)
        assert "enabled" in await act(visitor, id_, "resume")
        page = await act(visitor, id_, "test")
        done_to_it = ("Webhook tested", "Webhook resumed", "Webhook paused", "Webhook created")
        places = [page.index(title) for title in done_to_it]
        assert places == sorted(places)
        answer = await visitor.post(f"{PATH}/{id_}/delete", await hidden(visitor, f"{PATH}/{id_}"))
        assert (answer.status_code, answer.headers["location"]) == (303, PATH)
        assert (await visitor.get(f"{PATH}/{id_}")).status_code == 404
        assert (await visitor.post(f"{PATH}/{id_}/pause", await hidden(visitor, PATH))).status_code == 404


async def test_another_secret_is_shown_once_and_the_page_says_until_when_the_former_signs(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        id_, first = await made(visitor)
        form = await hidden(visitor, f"{PATH}/{id_}")
        second = await visitor.post(f"{PATH}/{id_}/rotate-secret", form)
        assert SECRET.findall(second.text) != SECRET.findall(first)
        assert SECRET.findall((await visitor.post(f"{PATH}/{id_}/rotate-secret", form)).text) == []
        assert "the former secret signs, too" in (await visitor.get(f"{PATH}/{id_}")).text


async def test_a_replay_is_counted_before_it_is_sent(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        before = await shop.position()
        await shop.customer()
        id_, _ = await made(visitor, **{"types[]": ["customer-registered"]})
        here = f"{PATH}/{id_}"
        counted = await visitor.get(f"{here}?after={before}")
        assert "it is sent 1 event" in text_of(counted.text)
        assert "webhook-replayed" not in {each["type"] for each in done(await shop.get("/history"))["history"]["data"]}
        until = await shop.position()
        await act(visitor, id_, "replay", after=str(before), until=str(until))
        [newest, *_] = done(await shop.get("/history"))["history"]["data"]
        assert (newest["type"], newest["data"]) == ("webhook-replayed", {"after": before, "until": until})
        none = await visitor.get(f"{here}?after={until}&until={until + 1}")
        assert "Send them" not in none.text
        for query, problem in (
            ("after=x", "after-problem"),
            ("since=x", "since-problem"),
            ("until=1", "after-problem"),
        ):
            answer = await visitor.get(f"{here}?{query}")
            assert (answer.status_code, f'id="{problem}"' in answer.text) == (422, True)
