"""Plots: well-formed SVG with every mark, labels apart, a front that nothing beats."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.report import plots
from evals.report.svg import Drawing, Ink, Scale, apart, around, beside_points, fit, number, width

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "\"><script>alert('x')</script> & <b>"
INK = Ink("t1", "square")
POINTS = st.floats(-100, 100, allow_nan=False)


def parsed(drawing: Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.__html__())


def marks(drawing: Drawing) -> int:
    return sum("mark" in each.get("class", "").split() for each in parsed(drawing).iter())


def forest(name: str = "sft − base", count: int = 3) -> Drawing:
    gain = plots.Gain(name, INK, 4.0, -1.0, 9.0, (0.5, 7.5))
    return plots.forest([gain] * count, 3.0)


def company(name: str = "ACME") -> Drawing:
    panel = plots.Companies("sft − base", INK, 2.0, {name: 3.0, "B": -1.0, "C": 0.0})
    return plots.companies(panel, plots.spread([panel], 3.0), name="companies-1")


def frontier(name: str = "sft") -> Drawing:
    places = [
        plots.Place(name, INK, 0.02, 60.0, 55.0, 65.0),
        plots.Place("base", Ink("start", "circle"), 0.02, 50.0, 45.0, 55.0),
        plots.Place("rules", Ink("t2", "cross", True), 0.0001, 30.0, 25.0, 35.0),
    ]
    return plots.frontier(places, name="cost", title="A", label="dollars", unit="$", gate=0.03)


def lengths(name: str = "sft") -> Drawing:
    spread = plots.Spread(40, (5, 9, 12, 20, 31))
    rows = [plots.Lengths(name, INK, spread, None), plots.Lengths("base", INK, spread, spread)]
    return plots.lengths(rows)


def passes(name: str = "sft") -> Drawing:
    curve = plots.Curve(name, INK, (1, 2, 4), (50.0, 60.0, 70.0), (50.0, 40.0, 25.0))
    return plots.passes([curve, curve])


def seeds(name: str = "sft") -> Drawing:
    row = plots.Runs(name, INK, (("run 1", 50.0), ("run 2", 54.0)), 52.0, 48.0, 56.0)
    return plots.seeds([row, row])


def power(_: str = "") -> Drawing:
    rows = [plots.Chance(g, 10 * g, 10 * g - 1, 10 * g + 1) for g in (0.0, 3.0, 5.0, 8.0)]
    return plots.power(rows, 3.0, 5.0, 80.0)


ALL = [
    (forest, 3), (company, 3), (frontier, 3), (lengths, 3), (passes, 12), (seeds, 4), (power, 4),
]  # fmt: skip


@pytest.mark.parametrize(("plot", "expected"), ALL, ids=lambda each: getattr(each, "__name__", ""))
def test_every_value_has_its_mark_and_every_plot_its_words(
    plot: Callable[..., Drawing], expected: int
) -> None:
    drawing = plot()
    root = parsed(drawing)
    assert marks(drawing) == expected
    assert root.get("role") == "img"
    title, about = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert about is not None
    assert title.text
    assert about.text
    assert root.get("aria-labelledby") == f"{title.get('id')} {about.get('id')}"
    assert drawing.__html__() == plot().__html__()


@pytest.mark.parametrize("plot", [plot for plot, _ in ALL[:-1]], ids=lambda each: each.__name__)
def test_a_hostile_name_stays_text(plot: Callable[[str], Drawing]) -> None:
    root = parsed(plot(HOSTILE))
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        "svg", "title", "desc", "text", "line", "path", "rect", "circle",
    }  # fmt: skip
    assert any(HOSTILE in (each.text or "") for each in root.iter())


@pytest.mark.parametrize("plot", [plot for plot, _ in ALL], ids=lambda each: each.__name__)
def test_nothing_is_drawn_outside_its_sheet(plot: Callable[..., Drawing]) -> None:
    drawing = plot()
    for each in parsed(drawing).iter():
        for name, end in (("x", drawing.width), ("y", drawing.height), ("cx", drawing.width),
                          ("cy", drawing.height), ("x1", drawing.width), ("x2", drawing.width),
                          ("y1", drawing.height), ("y2", drawing.height)):  # fmt: skip
            assert 0 <= float(each.get(name, 0)) <= end, ElementTree.tostring(each)


def test_a_label_that_has_room_shows_whole_and_one_that_has_not_is_cut() -> None:
    assert fit("sft", 100) == "sft"
    cut = fit("a very long name of an arm that nobody would want to read", 100)
    assert cut.endswith("…")
    assert width(cut) <= 100


# --- the front ----------------------------------------------------------------------------------


@given(st.lists(st.tuples(POINTS, POINTS), min_size=1, max_size=12))
def test_the_front_is_what_no_other_beats(places: list[tuple[float, float]]) -> None:
    kept = plots.front(places)
    told = {places[each] for each in kept}
    # By definition, over all pairs.
    beaten = {
        (cost, right)
        for cost, right in places
        if any(c <= cost and r >= right and (c, r) != (cost, right) for c, r in places)
    }
    assert told == set(places) - beaten
    assert [places[each][0] for each in kept] == sorted(places[each][0] for each in kept)


# --- where things stand -------------------------------------------------------------------------


@given(st.lists(st.floats(0, 400), max_size=12))
def test_labels_stand_apart_in_their_order(wished: list[float]) -> None:
    found = apart(wished, 0, 400, gap=15)
    ordered = [place for _, place in sorted(zip(wished, found, strict=True), key=lambda w: w)]
    assert all(b - a >= 15 - 1e-9 for a, b in pairwise(sorted(found)))
    assert ordered == sorted(ordered)
    assert all(-1e-9 <= place <= 400 + 1e-9 for place in found)


def test_labels_that_do_not_touch_stay_where_they_are() -> None:
    assert apart([100.0, 20.0, 60.0], 0, 200) == [100.0, 20.0, 60.0]


@given(POINTS, st.floats(1e-3, 1e3), st.integers(2, 9))
def test_ticks_are_within_and_no_more_than_asked(low: float, span: float, most: int) -> None:
    scale = Scale(low, low + span, 0, 100)
    found = scale.ticks(most)
    assert len(found) <= most + 1
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in found)
    steps = {round((b - a) / span, 6) for a, b in pairwise(found)}
    assert len(steps) <= 1


@given(st.floats(1e-9, 1e3), st.floats(2, 1e9))
def test_log_ticks_are_within_and_few(low: float, times: float) -> None:
    scale = Scale(low, low * times, 0, 100, log=True)
    found = scale.ticks(6)
    assert len(found) <= 6
    assert all(low * (1 - 1e-6) <= tick <= low * times * (1 + 1e-6) for tick in found)
    assert found == sorted(found)


def test_a_scale_goes_from_end_to_end_and_keeps_what_lies_outside_at_them() -> None:
    across = Scale(1, 100, 0, 50, log=True)
    assert across(10) == pytest.approx(25)
    assert [across(0.1), across(1e6), across(-3)] == [0, 50, 0]
    assert Scale(2, 2, 0, 10)(2) == 5


@given(st.lists(st.floats(-1e9, 1e9) | st.sampled_from([math.nan, math.inf]), max_size=6))
def test_bounds_hold_all_finite_values(values: list[float]) -> None:
    finite = [v for v in values if math.isfinite(v)]
    low, high = around(values)
    assert low < high
    assert all(low <= v <= high for v in finite)


def test_a_number_has_no_negative_nought() -> None:
    assert [number(-0.01), number(2.0), number(2.25)] == ["0", "2", "2.2"]


def test_labels_beside_points_do_not_cover_each_other() -> None:
    spots = [(100.0, 100.0), (104.0, 100.0), (100.0, 108.0)]
    names = ["one name", "another one", "a third"]
    placed = beside_points(spots, names, (0, 0, 400, 200))
    boxes: list[tuple[float, float, float, float]] = []
    for (x, y, anchor), name in zip(placed, names, strict=True):
        left = x - (width(name) if anchor == "end" else 0)
        boxes.append((left, y - 7, left + width(name), y + 7))
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            across = min(one[2], other[2]) - max(one[0], other[0])
            down = min(one[3], other[3]) - max(one[1], other[1])
            assert across <= 0 or down <= 0


# --- how arms look ------------------------------------------------------------------------------


def test_no_two_arms_look_alike() -> None:
    arms = ["base", *(f"arm {n}" for n in range(20))]
    found = plots.inks(arms, "base", ["arm 3"])
    assert len(set(found.values())) == len(arms)
    assert found["arm 3"].hollow
    assert found["base"] == Ink("start", "circle")


@pytest.mark.parametrize(
    ("value", "told"), [(3.24, "+3.2"), (-0.44, "−0.4"), (-0.04, "0.0"), (0.0, "0.0")]
)
def test_gains_have_a_sign_and_nought_has_none(value: float, told: str) -> None:
    assert plots.signed(value) == told
