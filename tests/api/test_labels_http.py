"""Labels that customers can carry."""

from typing import Any

import pytest

from tests.api.shop import FORM, NUMBERS, Shop, done, problems, reason, refusal, rule

NO_LABEL = rule(404, "Label not found.")


def new_value() -> str:
    return f"Étiquette {next(NUMBERS)}"


async def test_a_label_is_made_listed_renamed_and_deleted(shop: Shop) -> None:
    value = new_value()
    body = done(await shop.post("/labels", {"value": f" {value} "}))
    label = body["data"]
    assert list(label) == ["id", "value", "created_at", "updated_at"]
    assert label["value"] == value
    assert label in done(await shop.get("/labels"))["labels"]
    assert done(await shop.get(f"/labels/{label['id']}")) == {"label": label}
    renamed = done(await shop.put(f"/labels/{label['id']}", content=f"value={value}+new", headers=FORM))["data"]
    assert (renamed["id"], renamed["value"]) == (label["id"], f"{value} new")
    before = await shop.position()
    done(await shop.put(f"/labels/{label['id']}", {"value": f"{value} new"}))
    assert await shop.position() == before
    assert done(await shop.delete(f"/labels/{label['id']}"))["data"] == ""
    gone = await shop.get(f"/labels/{label['id']}")
    assert (refusal(gone), reason(gone)) == (NO_LABEL, "label_not_found")
    assert label["id"] not in [known["id"] for known in done(await shop.get("/labels"))["labels"]]
    done(await shop.post("/labels", {"value": f"{value} new"}))


@pytest.mark.parametrize(
    ("value", "rule_"),
    [(None, "required"), ("", "required"), (" ", "required"), ("a" * 193, "maxLength"), ("a\0b", "string"),
     ("a\ud800", "string"), ([], "string"), ({}, "string"), (True, "string"), (1.5, "string")],
)  # fmt: skip
async def test_a_value_that_does_not_fit_is_refused(shop: Shop, value: Any, rule_: str) -> None:
    id_ = await shop.label()
    before = await shop.position()
    assert problems(await shop.post("/labels", {"value": value})) == {"value": [rule_]}
    assert problems(await shop.put(f"/labels/{id_}", {"value": value})) == {"value": [rule_]}
    assert await shop.position() == before


async def test_lengths_count_characters(shop: Shop) -> None:
    value = f"{next(NUMBERS):06}" + "é" * 186
    assert done(await shop.post("/labels", {"value": value}))["data"]["value"] == value


async def test_a_value_belongs_to_one_label(shop: Shop) -> None:
    value = new_value()
    id_, other = done(await shop.post("/labels", {"value": value}))["data"]["id"], await shop.label()
    before = await shop.position()
    assert problems(await shop.post("/labels", {"value": value.upper()})) == {"value": ["unique"]}
    assert problems(await shop.put(f"/labels/{other}", {"value": value})) == {"value": ["unique"]}
    assert await shop.position() == before
    assert done(await shop.put(f"/labels/{id_}", {"value": value.upper()}))["data"]["value"] == value.upper()


async def test_what_is_no_label_is_not_found(shop: Shop) -> None:
    gone = await shop.label()
    done(await shop.delete(f"/labels/{gone}"))
    before = await shop.position()
    for id_ in (gone, 999_999, "abc", "0", "9" * 30):
        assert refusal(await shop.put(f"/labels/{id_}", {"value": new_value()})) == NO_LABEL
        assert refusal(await shop.delete(f"/labels/{id_}")) == NO_LABEL
    assert await shop.position() == before
