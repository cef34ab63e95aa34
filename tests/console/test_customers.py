"""The list of customers: REST's, with its filters in words, its columns, its rows as a file, and bulk actions."""

import csv
import io
import re
from html import unescape
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from litestar.types import Message, Receive, Scope, Send

from api.console.listing.conditions import CHOICES, OPERATORS, PROPERTIES, in_words, read_groups
from api.console.listing.file import PER_PAGE, guarded
from api.handling.filters import CUSTOMER_PROPERTIES
from service.credentials.passwords import everywhere
from tests.api.shop import Shop, done
from tests.console.browsing import Visitor, signed_in
from tests.console.reading import rows_of, text_of

# What one may type for each value that REST describes.
TYPED = {
    "number": "10.50", "integer": "3", "string": "ann", "days": "30", "day": "2025-06-20",
    "pair": "2025-06-01, 2025-06-30",
}  # fmt: skip
ARCHIVE = "change_customer_status archived"
REMOVE = " \N{MULTIPLICATION SIGN}"  # behind each condition
EVERY_CHOICE = [
    pytest.param(source, form, operator, id=f"{'/'.join(source)} {operator}")
    for source, forms in CUSTOMER_PROPERTIES.items()
    for form in forms
    for operator in form.operators
]


def typed(form: Any) -> str:
    """A value that fits."""
    schema = form.value
    if schema is None:
        return ""
    if schema["type"] == "array":
        items = schema["items"]
        return TYPED["pair"] if schema.get("maxItems") == 2 else f"{typed(form._replace(value=items))}, 7"
    if "day" in schema["description"].lower():
        return TYPED["days" if schema["type"] == "integer" else "day"]
    kind = schema["type"]
    return TYPED[kind if isinstance(kind, str) else "string"]


async def rest(shop: Shop, query: str) -> Any:
    return done(await shop.get(f"/customers?{query}"))["customers"]


def names(html: str) -> list[str]:
    return [unescape(name) for name in re.findall(r"<strong>(.*?)</strong>", html)]


async def filtered(visitor: Visitor, **asked: str) -> str:
    """The address of the list with one more condition."""
    answer = await visitor.http.get("/console/customers/filter", params=asked)
    assert answer.status_code == 303
    return str(answer.headers["location"])


@pytest.mark.parametrize(("source", "form", "operator"), EVERY_CHOICE)
async def test_each_operator_of_each_property_is_chosen_in_words_and_is_the_one_that_rest_takes(
    shop: Shop, source: tuple[str, str], form: Any, operator: str
) -> None:
    async with signed_in(shop, "worker") as visitor:
        key = " ".join((*source, operator))
        address = await filtered(visitor, condition=key, value=typed(form))
        [[condition]] = read_groups(parse_qs(urlsplit(address).query)["advanced_filters"][0])
        assert (tuple(condition["source"]), condition["operator"]) == (source, operator)
        assert ("value" in condition) == (form.value is not None)
        listed = await rest(shop, urlsplit(address).query)
        answer = await visitor.get(address)
        assert (answer.status_code, f"{listed['total']} found" in text_of(answer.text)) == (200, True)
        assert in_words(condition, {}) in text_of(answer.text)
        assert f'value="{key}"' in unescape(answer.text)


def test_every_declared_property_and_operator_has_words() -> None:
    assert PROPERTIES.keys() == CUSTOMER_PROPERTIES.keys()
    assert sum(len(each.choices) for each in CHOICES) == len(EVERY_CHOICE)
    assert {*OPERATORS} <= {
        operator for forms in CUSTOMER_PROPERTIES.values() for form in forms for operator in form.operators
    }


async def test_conditions_are_anded_within_a_group_and_groups_are_ored(empty_shop: Shop) -> None:
    shop = empty_shop
    rich = await shop.customer(first_name="Rich", last_name="Ann")
    await shop.pay(await shop.order(rich), 1_000)
    await shop.customer(first_name="Poor", last_name="Ann")
    await shop.customer(first_name="Ben", last_name="")
    await shop.customer(first_name="Carl", last_name="")
    async with signed_in(shop) as visitor:
        one = await filtered(visitor, condition="customer customer_full_name like_all", value="ann")
        assert sorted(names((await visitor.get(one)).text)) == ["Poor Ann", "Rich Ann"]
        state = {name: values[0] for name, values in parse_qs(urlsplit(one).query).items()}
        both = await filtered(visitor, **state, condition="customer ltv >", value="1", group="0")
        assert names((await visitor.get(both)).text) == ["Rich Ann"]
        state = {name: values[0] for name, values in parse_qs(urlsplit(both).query).items()}
        either = await filtered(
            visitor, **state, condition="customer customer_full_name starts_with", value="ben", group=""
        )
        page = (await visitor.get(either)).text
        assert sorted(names(page)) == ["Ben", "Rich Ann"]
        assert "name contains ann and lifetime value is more than 1 or name starts with ben" in text_of(page).replace(
            REMOVE, ""
        )


async def test_labels_go_by_their_names(shop: Shop) -> None:
    one, label = await shop.customer(first_name="Labelled", last_name=""), await shop.label()
    done(await shop.put(f"/customers/{one}/additional-info", {"labels": [label]}))
    [name] = [each["value"] for each in done(await shop.get("/labels"))["labels"] if each["id"] == label]
    async with signed_in(shop) as visitor:
        address = await filtered(visitor, condition="labels labels in", value=name.upper())
        page = (await visitor.get(address)).text
        assert names(page) == ["Labelled"]
        assert f"labels have any of {name}" in text_of(page)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("filter_type=advanced&advanced_filters=[[{}]]", "source [provider, property] and operator are needed"),
        ("filter_type=advanced&advanced_filters=nonsense", "not valid JSON"),
        ("as_of=tomorrow", "must be a position, a date"),
        ("as_of=99999999", "beyond the log's end"),
        ("cursor=bad", "not a cursor of this list"),
        ("user_tz=Nowhere/Land", "must be an IANA time zone"),
    ],
)
async def test_what_rest_refuses_is_refused_in_its_words(shop: Shop, query: str, problem: str) -> None:
    async with signed_in(shop) as visitor:
        answer = await visitor.get(f"/console/customers?{query}")
        refused = await shop.get(f"/customers?{query}")
        assert (answer.status_code, refused.status_code) == (422, 422)
        assert problem in refused.json()["message"]
        assert refused.json()["message"] in text_of(answer.text)


async def test_the_address_is_the_state_in_rests_parameters(empty_shop: Shop) -> None:
    shop = empty_shop
    for number in range(60):
        await shop.customer(first_name=f"N{number:02}", last_name="")
    then = await shop.position()
    await shop.customer(first_name="Late", last_name="")
    query = f"search=n&sort_by=created_at&sort_type=asc&as_of={then}&active_view=active"
    async with signed_in(shop) as visitor:
        page = (await visitor.get(f"/console/customers?{query}")).text
        assert f"{shop_path(query)}&amp;per_page=25" in page
        expected = [each["full_name"] for each in (await rest(shop, f"{query}&per_page=25&page=3"))["data"]]
        following = unescape(page.partition('rel="next" href="')[2].partition('"')[0])
        third = unescape((await visitor.get(following)).text.partition('rel="next" href="')[2].partition('"')[0])
        assert names((await visitor.get(third)).text) == expected
        assert len(expected) == 10
        far = (await visitor.get("/console/customers?page=40&per_page=1")).text
        walked = unescape(far.partition('rel="next" href="')[2].partition('"')[0])
        assert "cursor=" in walked
        listed = (await rest(shop, "page=41&per_page=1&sort_by=ltv"))["data"]
        assert names((await visitor.get(walked)).text) == [listed[0]["full_name"]]


def shop_path(query: str) -> str:
    return f"/customers?{query}".replace("&", "&amp;")


async def test_columns_are_chosen_and_kept_and_a_link_brings_its_own(shop: Shop) -> None:
    await shop.customer(first_name="Ada", last_name="", city="Rome")
    async with signed_in(shop) as visitor:
        chosen = await visitor.get("/console/customers/columns?column=city&column=ltv&column=nonsense&search=ada")
        assert chosen.status_code == 303
        assert chosen.headers["location"] == "/console/customers?search=ada&select=city&select=ltv"
        kept = (await visitor.get("/console/customers?search=ada")).text
        assert rows_of(kept)[0][-2:] == ["Rome", "$0.00"]
        linked = (await visitor.get("/console/customers?search=ada&select=status")).text
        assert rows_of(linked)[0][-1] == "active"


async def test_the_file_has_every_row_of_the_list_in_the_columns_that_one_sees(empty_shop: Shop) -> None:
    shop = empty_shop
    for number in range(201):
        await shop.customer(first_name=f"N{number}", last_name="", country="IT")
    await shop.customer(first_name='=cmd|"/c calc"!A1', last_name="", email="+1@example.com", city="@SUM(1)")
    async with signed_in(shop) as visitor:
        answer = await visitor.get("/console/customers/file?sort_by=id&sort_type=asc&select=country&select=city&page=7")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        header, *lines = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
        assert header == ["id", "name", "email", "city", "country"]
        listed = [line[1] for line in lines]
        assert listed == [*(f"N{number}" for number in range(201)), '\'=cmd|"/c calc"!A1']
        assert lines[-1][2:] == ["'+1@example.com", "'@SUM(1)", ""]
        refused = await visitor.get("/console/customers/file?as_of=tomorrow")
        assert refused.status_code == 422


async def test_a_file_breaks_off_when_its_session_ends(empty_shop: Shop) -> None:
    shop, sent = empty_shop, list[Message]()
    for number in range(200):
        await shop.customer(first_name=f"N{number}")

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            sent.append(message)
            await send(message)
            if message["type"] == "http.response.start":
                await shop.pool.execute("DELETE FROM sessions")
                await everywhere()

        await shop.app(scope, receive, sending)
        await send({"type": "http.response.body", "body": b"", "more_body": False})  # httpx waits for it

    async with signed_in(shop) as visitor:
        visitor.http._transport = httpx.ASGITransport(cast("Any", watched))
        rows = (await visitor.get("/console/customers/file")).text.splitlines()
    assert len(rows) == 1 + PER_PAGE
    assert sent[-1]["type"] == "http.response.body"
    assert sent[-1]["more_body"]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_compute_is_text(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert guarded("a=1") == "a=1"


async def test_who_may_not_see_personal_data_sees_initials_in_the_list_and_in_the_file(shop: Shop) -> None:
    await shop.customer(first_name="Grace", last_name="Hopper", email="grace@navy.example", city="Arlington")
    query = "search=grace@navy.example&select=city"
    async with signed_in(shop, "worker") as visitor:
        for path in (f"/console/customers?{query}", f"/console/customers/file?{query}"):
            text = (await visitor.get(path)).text.replace("search=grace", "").replace('value="grace', "")
            assert "G. H." in text
            assert not [word for word in ("Hopper", "@navy", "Arlington") if word in text.partition("<tbody>")[2]]


async def hidden(visitor: Visitor, path: str) -> dict[str, Any]:
    return dict(await visitor.hidden(path))


async def test_a_bulk_action_shows_whom_it_is_about_and_then_is_done(empty_shop: Shop) -> None:
    shop = empty_shop
    one, two, other = [await shop.customer(first_name=name, last_name="") for name in ("One", "Two", "Other")]
    async with signed_in(shop, "manager") as visitor:
        path = (
            f"/console/customers/bulk?action=change_customer_status+archived&customer_ids[]={one}&customer_ids[]={two}"
        )
        page = (await visitor.get(path)).text
        assert "Make 2 customers archived?" in text_of(page)
        assert [row[1] for row in rows_of(page)] == ["One", "Two"]
        form = await hidden(visitor, path)
        for _ in range(2):
            answer = await visitor.post("/console/customers/bulk", form)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console/customers")
        assert [(await shop.shown(id_))["status"] for id_ in (one, two, other)] == ["archived", "archived", "active"]


async def test_a_bulk_action_may_be_about_everybody_in_the_list_and_only_those_whom_one_saw(
    empty_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.console.listing.bulk.PER_PAGE", 2)
    shop = empty_shop
    ids = [await shop.customer(first_name=f"Ann {number}") for number in range(5)]
    other = await shop.customer(first_name="Eve")
    path = f"/console/customers/bulk?{urlencode({'whom': 'all', 'listed': 'search=Ann&page=9', 'action': ARCHIVE})}"
    async with signed_in(shop, "manager") as visitor:
        page = await visitor.get(path)
        assert "Make 5 customers archived?" in text_of(page.text)
        form = await hidden(visitor, path)
        late = await shop.customer(first_name="Ann who came later")
        assert (await visitor.post("/console/customers/bulk", form)).status_code == 303
        statuses = {id_: (await shop.shown(id_))["status"] for id_ in (*ids, other, late)}
        assert {id_ for id_, status in statuses.items() if status == "archived"} == set(ids)
        monkeypatch.setattr("api.console.listing.bulk.MAX_BULK", 5)
        assert "6 customers match" in text_of((await visitor.get(path)).text)


async def test_an_erasure_of_many_is_typed_and_is_refused_to_who_may_not(empty_shop: Shop) -> None:
    shop = empty_shop
    one = await shop.customer()
    path = f"/console/customers/bulk?action=delete_customers&customer_ids[]={one}"
    async with signed_in(shop, "manager") as visitor:
        form = await hidden(visitor, path) | {"reason": "asked"}
        for wrong in ("", "erase", "erase 2"):
            answer = await visitor.post("/console/customers/bulk", form | {"typed": wrong})
            assert (answer.status_code, "Type: erase 1" in answer.text) == (422, True)
        assert (await shop.get(f"/customers/{one}")).status_code == 200
        assert (await visitor.post("/console/customers/bulk", form | {"typed": "erase 1"})).status_code == 303
        assert done(await shop.get(f"/customers/{one}/erasure"))["erasure"]["reason"] == "asked"
        assert done(await shop.get("/history?type=customer-erased"))["history"]["data"][0]["actor"] == "manager"
    async with signed_in(shop, "worker") as visitor:
        answer = await visitor.get(path)
        assert (answer.status_code, "customers/manage" in answer.text) == (403, True)
        assert 'name="customer_ids[]"' not in (await visitor.get("/console/customers")).text


@pytest.mark.parametrize("query", ["", "action=delete_customers", "action=x&customer_ids[]=1", "customer_ids[]=1"])
async def test_with_nobody_chosen_or_nothing_to_do_one_is_sent_back_to_the_list(shop: Shop, query: str) -> None:
    await shop.customer()
    async with signed_in(shop) as visitor:
        assert "Nobody is chosen" in (await visitor.get(f"/console/customers/bulk?{query}")).text
