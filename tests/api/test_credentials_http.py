"""Application passwords over HTTP: made, shown once, seen, and revoked one by one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from projections.replay import registry
from projections.replay.registry import ReplayRequest
from service.credentials import passwords as credentials
from service.credentials.passwords import Added
from service.credentials.roles import PERMISSIONS, Permission
from tests.api.documented import Body, conforms
from tests.api.shop import FORBIDDEN, UNAUTHENTICATED, Shop, done, problems, refusal, rule
from tests.eventstore.acts import PATIENCE, until

NO_CREDENTIAL = rule(404, "Credential not found.")
LAST = rule(409, "This is the last administrator's: make another administrator first.")
NOWHERE = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
async def web(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """With no credentials of its own."""
    async with httpx.AsyncClient(transport=shop.http._transport, base_url=shop.http.base_url) as web:
        yield web


async def made(shop: Shop, login: str, name: str = "phone", **said: Any) -> Body:
    answer = await shop.post("/credentials", {"login": login, "name": name, "role": "manager"} | said)
    conforms(answer)
    data: Body = done(answer)["data"]
    return data


async def names(shop: Shop, credential: Body) -> list[str]:
    """Names of the credentials that its login sees."""
    answer = await shop.get("/credentials", auth=(credential["login"], credential["password"]))
    conforms(answer)
    return [each["name"] for each in done(answer)["credentials"]]


def bearer(credential: Body) -> Body:
    return {"headers": {"Authorization": f"Bearer {credential['password'].replace(' ', '')}"}}


async def status(web: httpx.AsyncClient, credential: Body, path: str = "/customers") -> int:
    return (await web.get(path, **bearer(credential))).status_code


async def test_a_password_is_shown_once(shop: Shop) -> None:
    new = await made(shop, "ann")
    assert (new["login"], new["name"], new["role"]) == ("ann", "phone", "manager")
    assert new["permissions"] == sorted(PERMISSIONS["manager"])
    assert (new["last_used_at"], new["last_used_from"]) == (None, None)
    [shown] = [each for each in done(await shop.get("/credentials"))["credentials"] if each["uuid"] == new["uuid"]]
    assert shown == {name: new[name] for name in new if name != "password"}
    stored = await shop.pool.fetch("SELECT credentials::text AS row FROM credentials")
    assert not [row for row in stored if new["password"].replace(" ", "") in row["row"].replace(" ", "")]


async def test_a_password_lets_in_as_basic_and_as_bearer(shop: Shop, web: httpx.AsyncClient) -> None:
    new = await made(shop, "basil")
    await shop.customer()
    for options in (bearer(new), {"auth": ("basil", new["password"])}):
        done(await web.get("/customers", **options))
        answer = await web.post("/customers", json={"email": f"{len(options)}@example.com"}, **options)
        assert list(problems(answer)) == ["first_name"]


async def test_what_a_bearer_does_is_its_logins_doing(shop: Shop, web: httpx.AsyncClient) -> None:
    new, body = await made(shop, "carrie"), {"email": "carried@example.com", "first_name": "Jane"}
    id_ = done(await web.post("/customers", json=body, **bearer(new)))["data"]["id"]
    [event] = done(await shop.get(f"/customers/{id_}/history"))["history"]["data"]
    assert event["actor"] == "carrie"


async def test_a_credential_may_carry_less_than_its_role(shop: Shop, web: httpx.AsyncClient) -> None:
    narrowed = await made(shop, "nora", permissions=["customers/view", "customers/view"])
    assert narrowed["permissions"] == ["customers/view"]
    assert await status(web, narrowed) == 200
    for path in ("/labels", "/users", "/credentials"):
        assert refusal(await web.get(path, **bearer(narrowed))) == FORBIDDEN
    assert refusal(await web.post("/customers", json={}, **bearer(narrowed))) == FORBIDDEN
    assert (await made(shop, "nora", "none", permissions=[]))["permissions"] == []


async def test_it_may_not_carry_more_than_its_role(shop: Shop) -> None:
    body = {"login": "max", "name": "phone", "role": "worker", "permissions": ["customers/view", "customers/manage"]}
    answer = await shop.post("/credentials", body)
    assert problems(answer) == {"permissions": ["in"]}
    assert "customers/manage" in answer.json()["message"]


async def test_who_may_manage_but_not_delete_erases_nobody(shop: Shop, web: httpx.AsyncClient) -> None:
    id_ = await shop.customer()
    limited = await made(shop, "sync", permissions=["customers/manage", "customers/view"])
    chosen = {"customer_ids": [id_], "new_status": "archived"}
    body = chosen | {"action": "delete_customers"}
    assert refusal(await web.post("/customers/do-bulk-action", json=body, **bearer(limited))) == FORBIDDEN
    body = chosen | {"action": "change_customer_status"}
    done(await web.post("/customers/do-bulk-action", json=body, **bearer(limited)))
    assert done(await web.get(f"/customers/{id_}", **bearer(limited)))["customer"]["status"] == "archived"


async def test_nobody_gives_what_he_does_not_have(shop: Shop, web: httpx.AsyncClient) -> None:
    own: list[Permission] = ["customers/view", "credentials/own", "credentials/manage"]
    limited = await made(shop, "luke", role="administrator", permissions=own)
    body = {"login": "luke", "name": "more", "role": "administrator"}
    for more in ({}, {"permissions": [*own, "replays/manage"]}, {"role": "worker"}):
        assert refusal(await web.post("/credentials", json=body | more, **bearer(limited))) == FORBIDDEN
    done(await web.post("/credentials", json=body | {"permissions": own}, **bearer(limited)))


async def test_each_of_a_logins_passwords_has_a_name_of_its_own(shop: Shop) -> None:
    await made(shop, "doris")
    answer = await shop.post("/credentials", {"login": "doris", "name": "phone", "role": "worker"})
    conforms(answer)
    assert problems(answer) == {"name": ["unique"]}


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"login": "a:b"}, {"login": ["login"]}),
        ({"login": "ä"}, {"login": ["login"]}),
        ({"login": " "}, {"login": ["required"]}),
        ({"login": "a" * 256}, {"login": ["maxLength"]}),
        ({"name": None}, {"name": ["required"]}),
        ({"role": "king"}, {"role": ["in"]}),
        ({"permissions": "everything"}, {"permissions": ["in"]}),
        ({"permissions": ["credentials/manage"]}, {"permissions": ["in"]}),
    ],
)
async def test_what_cannot_be_is_refused_by_name(shop: Shop, wrong: Body, found: Body) -> None:
    answer = await shop.post("/credentials", {"login": "eve", "name": "phone", "role": "worker"} | wrong)
    assert problems(answer) == found


async def test_who_manages_none_sees_and_revokes_his_own(shop: Shop, web: httpx.AsyncClient) -> None:
    phone, desk, other = await made(shop, "fred"), await made(shop, "fred", "desk"), await made(shop, "gina")
    assert await names(shop, phone) == ["phone", "desk"]
    for uuid in (other["uuid"], NOWHERE, "x"):
        assert refusal(await web.delete(f"/credentials/{uuid}", **bearer(phone))) == NO_CREDENTIAL
    done(await web.delete(f"/credentials/{desk['uuid']}", **bearer(phone)))
    assert await names(shop, phone) == ["phone"]
    assert [await status(web, each) for each in (phone, desk, other)] == [200, 401, 200]


async def test_a_revoked_password_lets_nobody_in_and_its_name_is_free(shop: Shop, web: httpx.AsyncClient) -> None:
    first, second = await made(shop, "hugo"), await made(shop, "hugo", "desk")
    assert await status(web, first) == 200
    answer = await shop.delete(f"/credentials/{first['uuid']}")
    conforms(answer)
    assert done(answer) == {"message": "Application password revoked.", "data": ""}
    assert refusal(await web.get("/customers", **bearer(first))) == UNAUTHENTICATED
    assert refusal(await web.get("/customers", auth=("hugo", first["password"]))) == UNAUTHENTICATED
    assert await status(web, second) == 200
    assert refusal(await shop.delete(f"/credentials/{first['uuid']}")) == NO_CREDENTIAL
    await made(shop, "hugo")


async def administrator(shop: Shop, login: str, permissions: list[Permission] | None = None) -> Added:
    return await credentials.add(shop.pool, login, "administrator", "phone", permissions)


async def only(shop: Shop, *added: Added) -> None:
    await shop.pool.execute("DELETE FROM credentials WHERE uuid <> ALL($1)", [each.credential.uuid for each in added])


async def revoke(shop: Shop, revoked: Added, by: Added) -> httpx.Response:
    answer = await shop.delete(f"/credentials/{revoked.credential.uuid}", auth=(by.credential.login, by.password))
    conforms(answer)
    return answer


async def test_the_last_administrator_cannot_revoke_himself(empty_shop: Shop) -> None:
    last = await administrator(empty_shop, "judy")
    lesser = await administrator(empty_shop, "kim", ["credentials/own", "credentials/manage"])
    await only(empty_shop, last, lesser)
    for by in (last, lesser):
        assert refusal(await revoke(empty_shop, last, by)) == LAST
    other = await administrator(empty_shop, "lisa")
    done(await revoke(empty_shop, last, by=last))
    assert refusal(await revoke(empty_shop, other, by=other)) == LAST
    done(await revoke(empty_shop, lesser, by=other))


async def test_of_two_administrators_who_revoke_each_other_at_once_one_stays(empty_shop: Shop) -> None:
    for turn in range(5):
        one, other = await administrator(empty_shop, f"mia{turn}"), await administrator(empty_shop, f"nils{turn}")
        await only(empty_shop, one, other)
        answers = await asyncio.gather(revoke(empty_shop, one, by=other), revoke(empty_shop, other, by=one))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert await empty_shop.pool.fetchval("SELECT count(*) FROM credentials") == 1


async def test_what_is_being_followed_with_a_revoked_password_breaks_off(shop: Shop, web: httpx.AsyncClient) -> None:
    new = await made(shop, "ingrid", role="administrator")
    async with shop.pool.acquire() as connection:
        id_ = await registry.start(connection, ReplayRequest(projections=("labels",)))  # which nobody runs
    following = asyncio.create_task(web.get(f"/replays/{id_}/progress", **bearer(new)))
    await until(lambda: was_let_in(shop, new), "it is let in")
    done(await shop.delete(f"/credentials/{new['uuid']}"))
    answer = await asyncio.wait_for(following, PATIENCE)
    assert answer.text.startswith("event: progress")
    assert "event: end" not in answer.text


async def was_let_in(shop: Shop, credential: Body) -> bool:
    await shop.app.state.service.authenticator.uses.write()
    used = "SELECT last_used_at IS NOT NULL FROM credentials WHERE uuid = $1"
    return bool(await shop.pool.fetchval(used, credential["uuid"]))


async def test_a_repetition_makes_none_and_shows_none(shop: Shop) -> None:
    body, key = {"login": "ina", "name": "phone", "role": "worker"}, {"Idempotency-Key": "ina"}
    first, again = [done(await shop.post("/credentials", body, headers=key))["data"] for _ in range(2)]
    assert again == first | {"password": None}
    kept = await shop.pool.fetch("SELECT body FROM answers")
    assert not [row for row in kept if first["password"].encode() in row["body"]]


async def test_a_bearer_is_challenged_too(shop: Shop, web: httpx.AsyncClient) -> None:
    answer = await web.get("/customers", headers={"Authorization": "Bearer nonsense"})
    assert refusal(answer) == UNAUTHENTICATED
    assert 'Bearer realm="Custodiary"' in answer.headers["www-authenticate"]
