"""Charts are numbers: a waterfall's bars stand on each other, and a line has a step for each value."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.charts import LEAST, WIDTH, Bar, Summand, columns, quantiles, sparkline, steps, waterfall

CENTS = st.integers(-(10**9), 10**9)
PARTS = st.lists(st.builds(Summand, st.just("7"), st.just("Order 7"), CENTS, st.integers(0, 10**9)), max_size=60)


def is_inside(bar: Bar, height: float) -> bool:
    return (
        bar.x >= -1e-6 and bar.x + bar.width <= WIDTH + 1e-6 and bar.y >= -1e-6 and bar.y + bar.height <= height + LEAST
    )


@given(PARTS)
def test_every_bar_of_a_waterfall_begins_where_the_sum_of_those_before_it_ends(parts: list[Summand]) -> None:
    bars = waterfall(parts).bars
    assert all(is_inside(bar, 220) for bar in bars)
    level = None
    for bar in bars[:-1]:
        if bar.kind in {"up", "down"} and bar.height > LEAST:
            begins, ends = (bar.y + bar.height, bar.y) if bar.kind == "up" else (bar.y, bar.y + bar.height)
            if level is not None:
                assert abs(begins - level) <= 2 * LEAST * len(parts)
            level = ends
    assert bars[-1].kind == "sum"


def test_the_last_bar_of_a_waterfall_is_as_high_as_the_others_together() -> None:
    bars = waterfall(
        [Summand("1", "", 3_000), Summand("2", "", 2_000, 500), Summand("3", "", 0, 700), Summand("4", "", -1_000)]
    ).bars
    assert [bar.kind for bar in bars] == ["up", "up", "back", "void", "down", "sum"]
    up, more, _back, _void, down, total = bars
    assert up.height + more.height - down.height == pytest.approx(total.height)
    assert (up.y + up.height, total.y + total.height) == (216, 216)


def test_without_parts_there_is_the_sum_alone() -> None:
    assert [bar.kind for bar in waterfall([]).bars] == ["sum"]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=80))
def test_a_line_has_a_step_for_each_value_and_is_higher_for_more(values: list[int]) -> None:
    line, area = steps(values)
    heights = [float(y) for y in re.findall(r"[,V]([-0-9.]+)", line)]
    assert len(heights) == len(values)
    assert area == f"{line}V64H0Z"
    for (value, height), (other, other_height) in pairwise(zip(values, heights, strict=True)):
        assert (value <= other) == (height >= other_height) or height == other_height


def test_a_single_value_and_none_are_lines_too() -> None:
    assert steps([0]).line == "M0.0,60.0"
    assert steps([]).line == ""
    assert sparkline([]) == ""
    assert sparkline([5]) == "M0.0,25.0"


@given(st.lists(st.tuples(st.text(max_size=5), CENTS), max_size=60))
def test_columns_stand_on_one_ground(values: list[tuple[str, int]]) -> None:
    bars = columns(values)
    assert len(bars) == len(values)
    assert all(is_inside(bar, 160) for bar in bars)
    grounds = [bar.y + bar.height if bar.kind == "up" else bar.y for bar in bars]
    assert grounds == pytest.approx([grounds[0]] * len(grounds) if grounds else [])


@given(st.integers(1, 5_000), st.integers(2, 400), st.data())
def test_quantiles_are_few_with_both_ends_and_what_must_be_there(count: int, most: int, data: st.DataObject) -> None:
    also = data.draw(st.integers(0, count - 1))
    places = quantiles(count, most, also)
    assert places == sorted(set(places))
    assert len(places) <= max(most + 1, min(count, most))
    assert {0, count - 1, also} <= set(places)
