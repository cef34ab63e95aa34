"""`custodiary export`, `erase` and `erasure`."""

import pytest

from api.cli.terminal import exits
from api.presentation.story.words import many
from tests.cli.process import at_a_terminal, custodiary
from tests.importing.desk import SEED


@pytest.fixture(scope="module")
def shop(url: str) -> str:
    """The URL, with the recorded shop in its database."""
    assert custodiary("import", "fluentcart", SEED, DATABASE_URL=url).code == exits.DONE
    return url


def test_all_that_is_held_about_a_customer_is_printed(shop: str) -> None:
    export = custodiary("export", 1, DATABASE_URL=shop).json["export"]
    assert export["customer"]["id"] == 1
    assert export["events"][-1]["type"] == "customer-registered"
    assert export["events"][-1]["data"]["profile"]["email"] == export["customer"]["email"]


def test_an_erased_customer_is_gone_and_the_receipt_can_be_asked_for_later(shop: str) -> None:
    receipt = custodiary("erase", 2, "--yes", "--reason", "asked by letter", "--json", DATABASE_URL=shop).json
    assert (receipt["customer_id"], receipt["reason"], receipt["request_id"]) == (2, "asked by letter", "")
    assert receipt["events"] > 0
    assert custodiary("erasure", 2, "--json", DATABASE_URL=shop).json == receipt
    said = custodiary("erasure", 2, DATABASE_URL=shop).lines
    assert said[0].startswith(f"Customer 2 was erased at {receipt['erased_at']} by {receipt['erased_by']}")
    assert said[0].endswith(": asked by letter")
    assert said[1] == f"That sealed {many(receipt['events'], 'event')} for good, up to position {receipt['position']}."
    events = custodiary("history", 2, "--json", DATABASE_URL=shop).json["data"]
    assert events[-1]["type"] == "customer-registered"
    assert events[-1]["data"] is None


@pytest.mark.parametrize("arguments", [["export"], ["erasure"], ["erase", "--reason", "asked"]])
def test_nobody_can_be_neither_erased_nor_shown(shop: str, arguments: list[str]) -> None:
    ended = custodiary(*arguments, 4711, DATABASE_URL=shop)
    assert (ended.code, ended.stdout, ended.stderr) == (exits.NOT_ALL, "", "custodiary: There is no customer 4711.\n")


def test_who_stands_has_no_receipt(shop: str) -> None:
    ended = custodiary("erasure", 1, DATABASE_URL=shop)
    assert (ended.code, ended.stdout, ended.stderr) == (exits.NOT_ALL, "", "Customer 1 is not erased.\n")


def test_an_erasure_has_a_reason(shop: str) -> None:
    assert custodiary("erase", 1, DATABASE_URL=shop).code == exits.USAGE
    for reason in ("r" * 256, "", "  ", "\u00a0", "\u200b"):
        assert custodiary("erase", 1, "--yes", "--reason", reason, DATABASE_URL=shop).code == exits.USAGE
    assert custodiary("history", 1, "--json", "--limit", 1, DATABASE_URL=shop).json["data"][0]["data"]


def test_nobody_is_erased_unasked(shop: str) -> None:
    code, said = custodiary("erase", 1, "--reason", "asked", DATABASE_URL=shop).complaint
    shown = custodiary("export", 1, DATABASE_URL=shop).json["export"]["customer"]
    assert code == exits.USAGE
    assert f"{shown['full_name']} <{shown['email']}>" in said
    assert "--yes" in said


@pytest.mark.parametrize(("typed", "code"), [("n\n", exits.NOT_ALL), ("\n", exits.NOT_ALL), ("y\n", exits.DONE)])
def test_on_a_terminal_it_shows_whom_and_asks(shop: str, typed: str, code: int) -> None:
    answered, said = at_a_terminal(typed, "erase", 3, "--reason", "asked by letter", DATABASE_URL=shop)
    assert "This erases for good customer 3:" in said
    assert answered == code
    stands = custodiary("export", 3, DATABASE_URL=shop).code == exits.DONE
    assert stands == (code != exits.DONE)
