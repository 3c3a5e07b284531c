"""The rule keeps its promises where the truth is known: short proof and committed table."""

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportions_ztest

from evals.commands import DOCS, RESULTS
from evals.decision import proof_page
from evals.decision.power import Share
from evals.decision.power_commands import PAGE, RECORD, WORDS, prove
from evals.decision.proof import (
    FALSE_ADOPTION,
    FULL,
    SHORT,
    Cell,
    Proof,
    Row,
    bounds,
    cells,
    measure,
    pooled,
)
from evals.decision.proof import prove as proven
from specialists.foundation.errors import RecordError

pytestmark = pytest.mark.timeout(900)  # the short proof: ten seconds of a core, if it has one


@pytest.fixture(scope="module")
def short() -> Proof:
    return proven(cells(full=False), simulations=SHORT)


@pytest.fixture(scope="module")
def committed() -> Proof:
    return Proof.read(RESULTS / RECORD)


def row(
    cell: Cell | None = None, *, false: float = 0.01, coverage: float = 0.95, error: float = 0.01
) -> Row:
    told = Share(share=0.0, error=error)
    return Row(
        cell=cell or Cell(group="no gain"),
        simulations=100,
        adopted=told,
        false=Share(share=false, error=error),
        insufficient=told,
        kept=told,
        test=told,
        naive=told,
        coverage=Share(share=coverage, error=error),
        saved=0.1,
    )


# --- the promises -------------------------------------------------------------------------------


def test_the_short_proof_keeps_every_promise_within_its_error(short):
    for bound in short.bounds:
        assert bound.state != "missed", bound


def test_the_naive_test_finds_what_is_not_there_and_ours_does_not(short):
    for each in short.rows:
        if each.cell.group == "no gain":
            assert each.naive is not None
            assert each.test is not None
            assert each.naive.share > 0.10
            assert each.test.share <= 0.05 + 2 * each.test.error
            assert each.naive.share > 3 * each.test.share


def test_power_is_what_the_protocol_says(short):
    """At Holm's first step with four contrasts .83 at 5 points; at most a half at delta."""
    power = {r.cell.gain: r.adopted for r in short.rows if r.cell.group == "power"}
    assert power[3.0].share <= 0.5 + 2 * power[3.0].error
    assert power[5.0].share >= 0.83 - 2 * power[5.0].error
    assert power[8.0].share >= 0.98


def test_looks_save_questions_where_nothing_is_to_be_found(short):
    (alone,) = [r for r in short.rows if r.cell.group == "looks"]
    assert alone.saved > 0.15


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_the_full_proof_comes_out_as_committed(committed):
    again = proven(cells(full=True), simulations=FULL, seed=committed.seed + 1, workers=2)
    for bound in again.bounds[:2]:  # errors and intervals that are too short; see the page
        assert bound.state != "missed", bound
    for ours, theirs in zip(again.rows, committed.rows, strict=True):
        for name in ("adopted", "false", "coverage"):
            now, then = getattr(ours, name), getattr(theirs, name)
            assert abs(now.share - then.share) <= 5 * np.hypot(now.error, then.error), (ours, name)


# --- the committed table ------------------------------------------------------------------------


def test_the_committed_table_is_the_full_one(committed):
    assert [r.cell for r in committed.rows] == list(cells(full=True))
    assert all(r.simulations >= FULL for r in committed.rows)
    assert committed.bounds == bounds(committed.rows)


def test_no_arm_without_a_gain_is_adopted_more_often_than_promised(committed):
    assert committed.bounds[0].state != "missed"
    told = [r for r in committed.rows if r.cell.group != "harder"]
    assert all(r.false.share <= FALSE_ADOPTION for r in told)


def test_the_committed_page_is_made_from_the_table(committed):
    page = proof_page.page(committed, words=WORDS.read_text("utf-8"))
    assert (DOCS / PAGE).read_text("utf-8") == page


# --- the measure --------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 599), st.integers(1, 599))
def test_the_naive_test_is_that_of_statsmodels(right_a, right_b):
    a, b = np.zeros((2, 300)), np.zeros((2, 300))
    a.flat[:right_a], b.flat[:right_b] = 1, 1
    expected = proportions_ztest([4 * right_a, 4 * right_b], [2400, 2400])[1]
    assert pooled(a, b, 4) == pytest.approx(expected)


def test_a_bound_is_missed_only_beyond_two_errors():
    states = [
        bounds([row(), row(false=false, error=0.004)])[0].state for false in (0.05, 0.055, 0.06)
    ]
    assert states == ["holds", "within error", "missed"]
    low, high = bounds([row(coverage=0.90), row(coverage=0.969)])[1:]
    assert (low.state, low.beyond) == ("missed", 1)
    assert (high.state, high.beyond) == ("within error", 1)
    assert "0.900" in low.worst


def test_harm_on_a_guard_makes_every_adoption_false():
    found = measure(Cell(group="guards", gain=8.0, harm=4.0), simulations=20, seed=1)
    assert found.false == found.adopted
    assert found.false.share <= 0.3


def test_an_untrained_start_has_one_run_and_no_luck():
    cell = Cell(group="harder", trained_start=False, run_sd=2.4)
    assert cell.truth().runs["start"] == 1
    assert cell.truth().fixed == {"start"}
    assert cell.truth().run_sd == 2.4
    assert cell.design().arm("start").kind == "base"


def test_the_table_is_the_same_whatever_the_number_of_workers():
    tried = cells(full=False)[:2]
    one = proven(tried, simulations=3, workers=1)
    two = proven(tried, simulations=3, workers=2)
    assert one == two


# --- page and command ---------------------------------------------------------------------------


def test_the_page_says_what_is_missed():
    missed = row(Cell(group="harder", runs=3), coverage=0.9)
    made = Proof(simulations=100, seed=0, bounds=bounds([missed]), rows=(missed,))
    page = proof_page.page(made, words="## What was found\n\nA reason.")
    assert "**missed**: 1 of 1 cells" in page
    assert "## Harder worlds" in page
    assert "A reason." in page
    assert "## What the looks save" not in page


def test_the_command_writes_the_table_and_the_page(tmp_path):
    options = ["--simulations", "2", "--out", str(tmp_path), "--docs", str(tmp_path)]
    done = CliRunner().invoke(prove, options)
    assert done.exit_code in (0, 1), done.output
    assert "8 of 8" in done.output
    made = Proof.read(tmp_path / RECORD)
    assert made.simulations == 2
    assert (tmp_path / PAGE).read_text("utf-8").startswith("# Does the decision rule")
    again = CliRunner().invoke(prove, ["--page-only", *options[2:]])
    assert again.exit_code == done.exit_code


def test_what_is_no_proof_is_refused(tmp_path):
    (tmp_path / RECORD).write_text("{}")
    done = CliRunner().invoke(prove, ["--page-only", "--out", str(tmp_path)])
    assert done.exit_code == RecordError.exit_code
    assert "is no proof of the method" in done.output
