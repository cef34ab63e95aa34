from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.pages import LAST_PAGE, Page, Paginated, paginator, read_page

CUSTOMERS = "https://store.example/wp-json/fluent-cart/v2/customers"


def page_of(page: Page, total: int, query: bytes = b"", next_cursor: str | None = None) -> dict[str, Any]:
    """With a cursor, also with an empty one at the end, as it is walked to."""
    rows: list[dict[str, Any]] = [{}] * max(0, min(page.per_page, total - page.offset))
    walking = next_cursor is not None
    made = paginator(
        Paginated[Any], rows, page, total=total, url=CUSTOMERS, query=query, next_cursor=next_cursor, walking=walking
    )
    return cast("dict[str, Any]", msgspec.to_builtins(made))


def labels(page: dict[str, Any]) -> list[str]:
    return [link["label"] for link in page["links"]]


@pytest.mark.parametrize("raw", ["0", "200", "-1", "", "abc", "2.5", "1e2", None, True, ["3"], 0, 200, 3.0, "9" * 400])
def test_a_page_size_that_makes_no_sense_is_10(raw: Any) -> None:
    assert read_page({"per_page": raw}).per_page == 10


@pytest.mark.parametrize("raw", ["0", "-1", "", "abc", "1.5", None, False, [2], "\N{FULLWIDTH DIGIT NINE}"])
def test_a_page_number_that_makes_no_sense_is_1(raw: Any) -> None:
    assert read_page({"page": raw}).number == 1


def test_page_and_size_are_numbers_or_their_digits() -> None:
    assert read_page({"page": "3", "per_page": 199}) == Page(3, 199)
    assert read_page({}) == Page(1, 10)


def test_an_enormous_page_is_beyond_any_list() -> None:
    assert read_page({"page": 10**18, "per_page": 199}) == Page(LAST_PAGE, 199)
    assert read_page({"page": "9" * 18, "per_page": 199}).offset < 2**53


def test_the_first_page_of_three() -> None:
    page = page_of(Page(1, 10), 30)
    assert {key: value for key, value in page.items() if key != "data"} == {
        "next_cursor": None,
        "total": 30,
        "per_page": 10,
        "current_page": 1,
        "last_page": 3,
        "from": 1,
        "to": 10,
        "first_page_url": f"{CUSTOMERS}/?page=1",
        "last_page_url": f"{CUSTOMERS}/?page=3",
        "next_page_url": f"{CUSTOMERS}/?page=2",
        "prev_page_url": None,
        "path": CUSTOMERS,
        "links": [
            {"url": None, "label": "pagination.previous", "active": False},
            {"url": f"{CUSTOMERS}/?page=1", "label": "1", "active": True},
            {"url": f"{CUSTOMERS}/?page=2", "label": "2", "active": False},
            {"url": f"{CUSTOMERS}/?page=3", "label": "3", "active": False},
            {"url": f"{CUSTOMERS}/?page=2", "label": "pagination.next", "active": False},
        ],
    }


def test_the_last_page_may_be_shorter_and_has_none_after_it() -> None:
    page = page_of(Page(8, 4), 30)
    assert (page["from"], page["to"], page["next_page_url"]) == (29, 30, None)
    assert page["prev_page_url"] == f"{CUSTOMERS}/?page=7"


def test_beyond_the_end_there_is_nothing() -> None:
    page = page_of(Page(99, 10), 30)
    assert (page["data"], page["from"], page["to"], page["current_page"], page["last_page"]) == ([], None, None, 99, 3)
    assert page["next_page_url"] is None


def test_an_empty_list_has_one_page() -> None:
    page = page_of(Page(1, 10), 0)
    assert (page["last_page"], page["from"], page["to"]) == (1, None, None)
    assert labels(page) == ["pagination.previous", "1", "pagination.next"]


@pytest.mark.parametrize(
    ("current", "last", "window"),
    [
        (1, 13, "1 2 3 4 5 6 7 8 9 10 11 12 13"),
        (1, 30, "1 2 3 4 5 6 7 8 9 10 ... 29 30"),
        (7, 30, "1 2 3 4 5 6 7 8 9 10 ... 29 30"),
        (8, 30, "1 2 ... 5 6 7 8 9 10 11 ... 29 30"),
        (23, 30, "1 2 ... 20 21 22 23 24 25 26 ... 29 30"),
        (24, 30, "1 2 ... 21 22 23 24 25 26 27 28 29 30"),
        (99, 30, "1 2 ... 21 22 23 24 25 26 27 28 29 30"),
    ],
)
def test_many_pages_are_shown_in_part(current: int, last: int, window: str) -> None:
    assert labels(page_of(Page(current, 1), last))[1:-1] == window.split()


def test_a_gap_leads_nowhere() -> None:
    gap = page_of(Page(1, 1), 30)["links"][11]
    assert gap == {"url": None, "label": "...", "active": False}


def test_links_keep_the_rest_of_the_query() -> None:
    query = b"page=1&per_page=4&with%5B%5D=labels&with[]=orders&search=%C3%A9+a&%70age=3&cursor=abc&&x=\xff<"
    assert page_of(Page(1, 4), 30, query)["next_page_url"] == (
        f"{CUSTOMERS}/?per_page=4&with%5B%5D=labels&with[]=orders&search=%C3%A9+a&x=%FF%3C&page=2"
    )


def test_from_a_cursor_a_cursor_leads_on() -> None:
    query = b"cursor=abc&per_page=10&page=7"
    page = page_of(Page(7, 10), 90, query, next_cursor="def")
    assert (page["from"], page["to"], page["prev_page_url"]) == (None, None, None)
    assert page["next_page_url"] == page["links"][-1]["url"] == f"{CUSTOMERS}/?per_page=10&cursor=def"
    assert page["last_page_url"] == f"{CUSTOMERS}/?per_page=10&page=9"
    assert not [link for link in page["links"] if link["active"]]
    end = page_of(Page(7, 10), 90, query, next_cursor="")
    assert end["next_page_url"] is None


@given(st.integers(1, 200), st.integers(0, 3000), st.integers(1, 199))
def test_the_window_always_holds_the_ends_and_the_current_page(current: int, total: int, per_page: int) -> None:
    page = page_of(Page(current, per_page), total)
    shown = labels(page)
    assert {"1", str(page["last_page"])} <= set(shown)
    assert str(current) in shown or current > page["last_page"]
    assert len(shown) <= 15
