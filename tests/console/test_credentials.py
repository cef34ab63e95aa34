"""Application passwords and sessions in the console: made, shown once, revoked; ended."""

import re

import pytest

from service.credentials.passwords import add
from service.credentials.roles import Role
from tests.api.shop import Shop, done
from tests.console.browsing import LOGIN, Visitor, signed_in, visiting

PATH = "/console/credentials"
PASSWORD = re.compile(r'<code id="password">([\w ]+)</code>')


async def filled_in(visitor: Visitor, **fields: object) -> dict[str, object]:
    """A form for a new one."""
    hidden = await visitor.hidden(f"{PATH}/new")
    return (
        {name: hidden[name] for name in ("csrf", "key")} | {"login": "ann", "name": "phone", "role": "worker"} | fields
    )


async def made(visitor: Visitor, **fields: object) -> str:
    """The page after it."""
    return (await visitor.post(PATH, await filled_in(visitor, **fields))).text


async def uuid_of(shop: Shop, login: str, name: str) -> str:
    listed = done(await shop.get("/credentials"))["credentials"]
    [uuid] = [each["uuid"] for each in listed if (each["login"], each["name"]) == (login, name)]
    return str(uuid)


async def test_a_new_one_is_shown_once_and_lets_in(shop: Shop) -> None:
    async with signed_in(shop) as visitor, visiting(shop) as ann:
        form = await filled_in(visitor)
        first, second = [(await visitor.post(PATH, form)).text for _ in range(2)]  # a double click
        [password] = PASSWORD.findall(first)
        assert PASSWORD.findall(second) == []
        assert "It was made already" in second
        assert (await ann.sign_in("ann", password)).status_code == 303
        own = (await ann.get(PATH)).text
        assert ("<strong>ann</strong>" in own, "<strong>administrator</strong>" in own) == (True, False)
        assert "New application password" not in own
        assert "<strong>ann</strong>" in (await visitor.get(PATH)).text


async def test_it_may_do_less_than_its_role_and_never_more_than_who_makes_it(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        await made(visitor, login="bob", **{"permissions[]": ["customers/view"]})
        [bob] = [c for c in done(await shop.get("/credentials"))["credentials"] if c["login"] == "bob"]
        assert bob["permissions"] == ["customers/view"]
        assert 'class="problem"' in await made(visitor, login="bob", name="x", **{"permissions[]": ["replays/manage"]})
        assert 'id="name-problem"' in await made(visitor, login="bob", name="phone")


async def test_a_revoked_one_ends_its_sessions_and_ones_own_last_is_typed(shop: Shop) -> None:
    async with signed_in(shop) as visitor, visiting(shop) as carl:
        password = PASSWORD.findall(await made(visitor, login="carl", name="desk"))[0]
        await carl.sign_in("carl", password)
        path = f"{PATH}/{await uuid_of(shop, 'carl', 'desk')}/revoke"
        page = (await carl.get(PATH)).text
        assert "Type desk to confirm" in page
        refused = await carl.post(path, await carl.hidden(PATH) | {"typed": "dusk"})
        assert (refused.status_code, "type its name" in refused.text) == (422, True)
        assert (await carl.post(path, await carl.hidden(PATH) | {"typed": "desk"})).status_code == 303
        assert (await carl.get(PATH)).headers["location"].startswith(LOGIN)
        gone = await visitor.post(path, await visitor.hidden(PATH))
        assert (gone.status_code, "Credential not found." in gone.text) == (404, True)


async def test_sessions_are_listed_and_ended(empty_shop: Shop) -> None:
    shop = empty_shop
    async with signed_in(shop) as one, signed_in(shop) as two, signed_in(shop) as three:
        page = (await one.get(PATH)).text
        assert page.count(">this one</span>") == 1
        others = re.findall(r"/console/credentials/sessions/([0-9a-f]{64})/end", page)
        assert len(others) == 2
        await one.post(f"{PATH}/sessions/{others[0]}/end", await one.hidden(PATH))
        assert sorted([(await each.get(PATH)).status_code for each in (one, two, three)]) == [200, 200, 303]
        await one.post(f"{PATH}/sessions/others/end", await one.hidden(PATH))
        assert [(await each.get(PATH)).status_code for each in (one, two, three)] == [200, 303, 303]


@pytest.mark.parametrize("role", ["manager", "worker", "monitor"])
async def test_nobody_ends_or_revokes_what_is_another_logins(shop: Shop, role: Role) -> None:
    added = await add(shop.pool, "dora", "worker", f"of {role}")
    async with signed_in(shop, role) as visitor, visiting(shop) as dora:
        await dora.sign_in("dora", added.password)
        [session] = re.findall(
            r"([0-9a-f]{64})",
            str(
                await shop.pool.fetchval(
                    "SELECT encode(s.digest, 'hex') FROM sessions AS s WHERE s.credential = $1", added.credential.uuid
                )
            ),
        )
        await visitor.post(f"{PATH}/sessions/{session}/end", await visitor.hidden(PATH))
        answer = await visitor.post(f"{PATH}/{added.credential.uuid}/revoke", await visitor.hidden(PATH))
        assert answer.status_code == 404
        assert (await dora.get(PATH)).status_code == 200
