"""What the original answered, asked here over HTTP of the same store, imported: the same messages, keys, figures and
addresses. Which rows a list finds, and in which order, `tests.queries.test_golden` compares.
"""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from api.http.paths import BASE
from api.process.settings import Settings
from eventstore.store import By
from projections.database import open_store
from service.importing.fluentcart.shop import import_fluentcart
from tests.api.documented import Body
from tests.api.golden import differences, rules
from tests.api.shop import FORM, Shop, open_shop
from tests.conftest import new_database, with_database
from tests.queries.seed import GOLDEN
from tests.queries.test_golden import LISTS
from tests.queries.test_golden import SET_ASIDE as LISTS_SET_ASIDE

NEVER_500 = "Errors always carry a human `message`, and the HTTP status equals the documented one"
VALIDATION = "validation: 422 … (all failing fields at once)"
NOT_FOUND = 'customer not found elsewhere: 404 `{"code":404,"message":"Customer not found.","data":""}`'
TEXT = "Text is trimmed. Lengths count characters. Control characters, … are refused with 422"
LENIENT = "`with[]=a&with[]=b`, `with=a,b` … Numeric strings are accepted for integers."
COUNTRY = "Country: ISO 3166 alpha-2 or empty, 422 otherwise."
ONLY_SENT = "Update … of the optional fields changes those that are sent and no others"
STATES = "state required where that country requires one, and one of its known codes or names where there is a list"
POSTCODES = "postcode likewise required and of that country's form"
TYPES = "`type` billing or shipping."
ONE_PRIMARY = "a customer with addresses of a type always has exactly one"
EXISTS = "The customer must exist, and an address is only ever reached through its own customer"
SHOWS_ID = "`wp_user=yes` creates one otherwise … and the answer shows its id."

SET_ASIDE = {
    "route_post_on_item": "405 with Allow where the path exists",
    "find_0": 'customer not found on GET one: 404 `{"message":"Customer not found","back_text":…`',
    "find_with_wpuser_none": ONE_PRIMARY,
    "list_with_primary_billing_address": ONE_PRIMARY,
    "order_unknown": "Unknown customer 404 in both.",
    "addr_get_c2": ONE_PRIMARY,
    "addr_get_c999": NOT_FOUND,
    "detach_abc": NOT_FOUND,
    "detach_unknown": NOT_FOUND,
    "create_full": "`aov` in a request is ignored: figures come from events only.",
    "create_dup_email_spaces": TEXT,
    'create_email_type_["a@example.com"]': NEVER_500,
    "create_first_name_[]": NEVER_500,
    "create_first_name_true": VALIDATION,
    "create_first_name_false": VALIDATION,
    'create_first_name_"100%20off"': TEXT,
    "create_first_name_éx128": TEXT,
    'create_country_["US"]': COUNTRY,
    "create_state_XX_Q": COUNTRY,
    "create_wp_user_yes": SHOWS_ID,
    "create_wp_user_yes_login_taken": SHOWS_ID,
    'create_fullname_"  Mary   Jane  Watson  ': TEXT,
    'create_fullname_"<b>X</b> Y"': TEXT,
    "update_without_id_new_email": ONLY_SENT,
    "update_set_user_id": ONLY_SENT,
    "update_protected_fields": ONLY_SENT,
    "update_html_first_name": TEXT,
    "update_spaces_in_email": TEXT,
    "labels_missing_when_some": "labels: array, body, required: yes",
    "labels_null": NEVER_500,
    "labels_int": NEVER_500,
    "bulk_ids_string": LENIENT,
    "addr_create_without_type": TYPES,
    'addr_create_type_""': TYPES,
    "addr_update_type_missing": TYPES,
    "addr_update_type_bogus": TYPES,
    "addr_create_without_postcode": POSTCODES,
    'addr_create_postcode_"AAAAA_33': POSTCODES,
    'addr_create_postcode_"AAAAA_120': POSTCODES,
    "addr_create_state_GB_": POSTCODES,
    "addr_create_state_US_California": STATES,
    "addr_create_state_KE_": STATES,
    "extra_name_mode_affects_address": POSTCODES,
    "addr_create_name_html": TEXT,
    "addr_create_city_html": TEXT,
    "addr_create_unknown_customer": EXISTS,
    "addr_update_id_zero": VALIDATION,
    "addr_update_id_array": NEVER_500,
    "addr_delete_other_customer": EXISTS,
    "primary_no_address": VALIDATION,
    "attach_int_rejected": "Attach `user_id` integer or numeric string.",
    "attach_user_negative": "Unknown user, or linked elsewhere: 422 with the documented messages",
}
# Recorded after others that are not all here.
OF_ANOTHER_STORE = {"bulk_delete_then_orders", "extra_create_active_list", "extra_recalc_each_status"}
AFTER = {"create_wp_user_yes_find_after": "create_wp_user_yes", "extra_two_primaries_get2": "extra_two_primaries_make"}

# Of one row among many.
BY_CONTRACT = {
    ".billing_address.0.is_primary is 1, not 0.0": ONE_PRIMARY,
}
# Of lists: links keep the query, and the figures that the seed has are not what its orders give.
NOT_IN_LISTS = frozenset({
    "total", "last_page", "from", "to", "first_page_url", "last_page_url", "next_page_url", "prev_page_url", "path",
    "links", "next_cursor", "purchase_value", "purchase_count", "ltv", "aov", "first_purchase_date",
    "last_purchase_date",
})  # fmt: skip
NOT_SELECTED = frozenset({"full_name", "photo", "country_name", "formatted_address", "user_link"})


def recordings() -> dict[str, Body]:
    with gzip.open(GOLDEN / "exchanges.jsonl.gz", "rt") as lines:
        exchanges = [json.loads(line) for line in lines]
    return {exchange["name"]: exchange for exchange in exchanges if exchange["name"] not in OF_ANOTHER_STORE}


def is_of_a_list(recording: Body) -> bool:
    request = recording["request"]
    is_list = request["method"] == "GET" and LISTS.fullmatch(request["path"]) is not None
    return is_list and recording["response"]["status"] not in {401, 403}


ALL = recordings()
LISTED = {name for name, it in ALL.items() if is_of_a_list(it)} - LISTS_SET_ASIDE.keys() - SET_ASIDE.keys()
SINGLE = {name for name, recording in ALL.items() if not is_of_a_list(recording)} - SET_ASIDE.keys()
CHANGING = {
    name for name in SINGLE
    if name in AFTER or (ALL[name]["request"]["method"] != "GET" and ALL[name]["response"]["status"] == 200)
}  # fmt: skip


@pytest.fixture(scope="module")
async def seeded(server: str, template: str) -> AsyncIterator[str]:
    """The name of a database with the recorded store in it."""
    async with new_database(server, template) as name:
        async with open_store(with_database(server, name)) as store:
            await import_fluentcart(store, By(actor="import", at=datetime.now(UTC)), GOLDEN / "seed.json")
        yield name


@asynccontextmanager
async def store_as_recorded(server: str, seeded: str, mode: str = "first_name") -> AsyncIterator[Shop]:
    settings = Settings.from_environment({"STORE_URL": "https://store.example", "NAME_MODE": mode})
    async with new_database(server, seeded) as name, open_shop(with_database(server, name), settings) as shop:
        yield shop


@pytest.fixture(scope="module")
async def shop(server: str, seeded: str) -> AsyncIterator[Shop]:
    """For those that change nothing."""
    async with store_as_recorded(server, seeded) as shop:
        yield shop


async def ask(shop: Shop, request: Body) -> httpx.Response:
    login = {"admin": "administrator", "wally": "worker"}.get(request["user"], "nobody")
    body = request["body"]
    raw = body.get("__raw__") if isinstance(body, dict) else None
    options: Body = {"content": raw, "headers": FORM} if raw else {"body": body}
    path = request["path"].removeprefix(BASE) + (f"?{request['query']}" if request["query"] else "")
    return await shop.ask(request["method"], path, auth=(login, shop.passwords.get(login, "")), **options)  # type: ignore[call-overload]


def disagreements(answer: httpx.Response, recorded: Body) -> list[str]:
    status, body = recorded["status"], recorded["body"]
    if status == 500 and isinstance(body.get("code"), int):
        status, body = body["code"], body | {"data": ""}
    assert answer.status_code == status, answer.text
    if status == 422 and "message" not in body:
        broken, known = rules(answer.json()["errors"]), rules(body)
        return [] if broken.keys() == known.keys() and all(broken[it] <= known[it] for it in broken) else [str(broken)]
    return sorted(differences(answer.json() if answer.content else {"__raw__": ""}, body))


def test_every_recording_set_aside_exists() -> None:
    assert SET_ASIDE.keys() | AFTER.keys() | set(AFTER.values()) <= ALL.keys()


@pytest.mark.parametrize("name", sorted(SINGLE - CHANGING))
async def test_the_original_showed_or_refused_the_same(shop: Shop, server: str, seeded: str, name: str) -> None:
    before = await shop.position()
    recording = ALL[name]
    if recording["request"]["store_name_mode"] == "full_name":
        async with store_as_recorded(server, seeded, "full_name") as other:
            assert not disagreements(await ask(other, recording["request"]), recording["response"])
    else:
        assert not disagreements(await ask(shop, recording["request"]), recording["response"])
    assert await shop.position() == before


@pytest.mark.parametrize("name", sorted(CHANGING))
async def test_the_original_did_the_same(server: str, seeded: str, name: str) -> None:
    recording = ALL[name]
    async with store_as_recorded(server, seeded, recording["request"]["store_name_mode"]) as shop:
        if name in AFTER:
            assert (await ask(shop, ALL[AFTER[name]]["request"])).status_code == 200
        assert not disagreements(await ask(shop, recording["request"]), recording["response"])
        await stands_as_recorded(shop, recording.get("db_after") or {})


async def stands_as_recorded(shop: Shop, after: Body) -> None:
    """Checks what the answer does not show: addresses and labels of customer 1 are as the contract wants them."""
    rows = await shop.pool.fetch("SELECT id, is_primary FROM addresses WHERE customer_id = 1")
    known = {row["id"]: row["is_primary"] for row in rows}
    for address in after.get("addresses", []):
        if address.get("customer_id") == 1:
            assert known[address["id"]] == address["is_primary"]
    if "rel" in after:
        carried = await shop.pool.fetchval("SELECT labels FROM customers WHERE id = 1")
        assert carried == [link["label_id"] for link in after["rel"]]


@pytest.mark.parametrize("name", sorted(LISTED))
async def test_the_original_listed_such_rows(shop: Shop, name: str) -> None:
    request, recorded = ALL[name]["request"], ALL[name]["response"]
    answer = await ask(shop, request)
    assert answer.status_code == recorded["status"]
    [(key, page)] = recorded["body"].items()
    ours = answer.json()[key]
    if key != "users":
        known = {row["id"]: row for row in page["data"]}
        rows = [row for row in ours["data"] if row["id"] in known]
        ignored = NOT_IN_LISTS | (NOT_SELECTED if "select" in (request["query"] or "") else set())
        found = {it for row in rows for it in differences(row, known[row["id"]], ignored)}
        assert not found - BY_CONTRACT.keys()
    assert not [*differences(ours, page, NOT_IN_LISTS | {"data"} if key != "users" else frozenset())]
