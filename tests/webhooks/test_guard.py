"""Webhooks go to public addresses, and to the very address that was checked."""

import asyncio
import socket
from typing import Any

import pytest
from aiohttp import web

from service.webhooks.delivery.guard import Guard
from service.webhooks.delivery.sender import PostOutcome, open_sender
from tests.webhooks.receiver import Receiver, answering

LOOPBACK = ("127.0.0.0/8",)
FORBIDDEN = "its address is not one that webhooks may go to"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "100.100.100.200", "192.0.0.192", "192.0.2.1", "168.63.129.16", "198.18.0.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
        "fec0::1", "ff02::1", "2001:db8::1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1",
    ],
)  # fmt: skip
def test_nothing_goes_to_an_address_that_is_not_public(address: str) -> None:
    assert not Guard().permits(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_public_addresses_are_permitted(address: str) -> None:
    assert Guard().permits(address)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("10.1.0.0/16", "10.1.2.3", "10.2.0.1"),
        ("10.1.0.0/16", "::ffff:10.1.2.3", "::ffff:10.2.0.1"),
        ("fd00:1::/32", "fd00:1::7", "fd00:2::7"),
        ("127.0.0.1/32", "127.0.0.1", "127.0.0.2"),
    ],
)
def test_a_setting_names_networks_that_are_permitted_besides(network: str, inside: str, outside: str) -> None:
    guard = Guard([network])
    assert guard.permits(inside)
    assert not guard.permits(outside)


async def post(url: str, allowed: tuple[str, ...] = LOOPBACK, timeout: float = 5) -> PostOutcome:
    async with open_sender(Guard(allowed), timeout) as sender:
        return await sender.post(url, {"webhook-id": "1-1"}, b"{}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_however_an_address_is_written_it_is_not_connected_to(receiver: Receiver, host: str) -> None:
    outcome = await post(f"http://{host}:{receiver.port}/", allowed=())
    assert outcome.status is None
    assert outcome.error in {FORBIDDEN, "no answer: InvalidUrlClientError"}
    assert receiver.received == []


async def test_an_address_that_changes_to_loopback_after_it_was_checked_is_not_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server gives a public address to whoever checks, and loopback to whoever connects."""
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    asked: list[str] = []

    async def resolve(
        _resolver: object, host: str, port: int = 0, family: int = socket.AF_INET
    ) -> list[dict[str, Any]]:
        address = next(answers)
        asked.append(address)
        return [{"hostname": host, "host": address, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", resolve)
    first = await post(f"http://changes.example:{receiver.port}/", allowed=(), timeout=0.2)
    second = await post(f"http://changes.example:{receiver.port}/", allowed=())
    assert asked == ["93.184.216.34", "127.0.0.1"]  # each connection asks once, and takes what it was told
    assert first.status is None
    assert second.error == FORBIDDEN
    assert receiver.received == []


async def test_the_host_is_the_name_and_not_its_address(receiver: Receiver) -> None:
    outcome = await post(f"http://localhost:{receiver.port}/hook?token=1%2F2")
    assert outcome.status == 200
    assert receiver.received[0].headers["host"] == f"localhost:{receiver.port}"


async def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.answer = answering(302, {"location": receiver.url("/elsewhere")})
    outcome = await post(receiver.url())
    assert (outcome.status, outcome.is_success) == (302, False)
    assert [each.path for each in receiver.received] == ["/hook"]


async def test_of_an_answer_the_first_kilobyte_is_kept(receiver: Receiver) -> None:
    receiver.answer = answering(500, text="x" * 5_000_000)
    outcome = await post(receiver.url())
    assert outcome.answer == b"x" * 1_024


async def test_an_answer_that_does_not_end_is_judged_by_its_status(receiver: Receiver) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 100
        await response.prepare(request)
        await response.write(b"begun")
        return response

    receiver.answer = drip
    outcome = await post(receiver.url(), timeout=0.5)
    assert (outcome.status, outcome.answer[:5]) == (200, b"begun")


async def test_who_takes_longer_than_the_time_has_failed(receiver: Receiver) -> None:
    async def wait(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    receiver.answer = wait
    outcome = await post(receiver.url(), timeout=0.2)
    assert (outcome.status, outcome.error) == (None, "no answer within 0.2 s")
    assert outcome.milliseconds >= 200


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://nowhere.invalid/", "http://[::1", "http://127.0.0.1:99999/"]
)
async def test_what_can_not_be_reached_is_a_failure_like_others(url: str) -> None:
    outcome = await post(url, ("127.0.0.0/8", "::/0"))
    assert (outcome.status, outcome.is_success) == (None, False)
    assert outcome.error
