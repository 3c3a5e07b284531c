from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import pytest

from evals.gold import GoldQuestion
from evals.grading import fold, grade
from router.contracts import Answer, Claim
from specialists.foundation.contracts import Finding, Plan, Quantity, Ref, Subtask

USD = {"type": "number", "value": 3807, "unit": "USD", "scale": 1_000_000, "tolerance": 0.005}
GROWTH = {"type": "number", "value": -12.6, "unit": "%", "scale": 1, "tolerance": 0.005}
YEAR = {"type": "number", "value": 2021, "unit": "year", "scale": 1, "tolerance": 0}
NAME = {"type": "text", "any": ["Helixant Pharma", "Helixant", "HLXP"]}
NAMES = {"type": "list", "all": ["Acme Corp", "Zeta Inc"]}
YES = {"type": "boolean", "value": True}
TONE = {"type": "tone", "value": "negative"}


def asked(*parts: Mapping[str, object]) -> GoldQuestion:
    return GoldQuestion.model_validate(
        {
            "id": "q",
            "question": "what?",
            "answerable": bool(parts),
            "kind": "lookup",
            "gold": parts or None,
        }
    )


def told(
    *values: Quantity | str,
    rests: Mapping[int, Sequence[int]] | None = None,
    text: str = "",
    status: str = "complete",
) -> Answer:
    """An answer of these values, a step each; ``rests`` names the steps a step rests on."""
    rests = rests or {}
    steps = tuple(
        Subtask(
            id=f"s{n}",
            specialist="table_qa",
            instruction="?",
            inputs={f"i{r}": Ref(ref=f"s{r}") for r in rests.get(n, ())},
        )
        for n in range(len(values))
    )
    findings = tuple(
        Finding(subtask=f"s{n}", specialist="table_qa", status="ok", value=value)
        for n, value in enumerate(values)
    )
    return Answer.model_validate(
        {
            "id": "a",
            "question": "what?",
            "text": text,
            "status": status,
            "claims": () if status == "abstained" else [_claim(f) for f in findings],
            "plan": Plan(subtasks=steps),
            "findings": findings,
            "workspace": "demo",
            "version": "1",
            "as_of": date(2024, 1, 1),
            "created": datetime(2024, 1, 1, tzinfo=UTC),
        }
    )


def _claim(finding: Finding) -> Claim:
    return Claim(text="…", finding=finding.subtask, value=finding.value)


def dollars(value: float, scale: float = 1e6) -> Quantity:
    return Quantity(value=value, unit="USD", scale=scale)


def percent(value: float) -> Quantity:
    return Quantity(value=value, unit="%")


@pytest.mark.parametrize(
    ("value", "part", "right"),
    [
        (dollars(3807), USD, True),
        (dollars(3.807, 1e9), USD, True),
        (dollars(3820), USD, True),  # within half a percent
        (dollars(3830), USD, False),
        (dollars(3807, 1e3), USD, False),  # the right digits, the wrong scale
        (Quantity(value=3807, unit="EUR", scale=1e6), USD, False),
        (Quantity(value=3807, unit="", scale=1e6), USD, False),
        (percent(-12.6), GROWTH, True),
        (percent(12.6), GROWTH, False),  # the sign counts
        (Quantity(value=-0.126, unit="x"), GROWTH, True),
        (dollars(-12.6, 1), GROWTH, False),
        (Quantity(value=2021), YEAR, True),
        ("2021", YEAR, True),
        ("2020", YEAR, False),
        (Quantity(value=2021, unit="USD"), YEAR, False),
        (Quantity(value=8.97, unit="USD"), {**USD, "value": 8.97, "scale": 1}, True),
        (
            Quantity(value=8.97, unit="USD"),
            {"type": "number", "value": 8.97, "unit": "USD/share"},
            True,
        ),
        (
            Quantity(value=25.9, unit="count", scale=1e3),
            {"type": "number", "value": 25900, "unit": "count"},
            True,
        ),
        (percent(142.7), {"type": "number", "value": 1.427, "unit": "x"}, True),
        (Quantity(value=float("nan"), unit="USD"), USD, False),
        ("Helixant Pharma", NAME, True),
        ("HLXP", NAME, True),
        ("helixant pharma (USD 21,004 million)", NAME, True),
        ("Helixant Foods", NAME, False),
        ("Helixant Pharma, Acme Corp", NAME, False),
        (dollars(3807), NAME, False),
        ("Zeta Inc, Acme Corp", NAMES, True),
        ("1. Acme Corp (USD 3 million)\n2. Zeta Inc (USD 2 million)", NAMES, True),
        ("Acme Corp and Zeta Inc", NAMES, True),
        ("Acme Corp ($3 million) and Zeta Inc ($2 million)", NAMES, True),
        ("A & B Corp and Zeta Inc", {"type": "list", "all": ["A & B Corp", "Zeta Inc"]}, True),
        ("Acme Corp", NAMES, False),
        ("Acme Corp, Zeta Inc, Beta", NAMES, False),
        ("yes", YES, True),
        ("No", YES, False),
        ("negative: 5 negative, 1 neutral of 6 headlines", TONE, True),
        ("positive: 5 positive of 5 headlines", TONE, False),
    ],
)
def test_one_value_against_one_part(
    value: Quantity | str, part: Mapping[str, object], right: bool
) -> None:
    graded = grade(asked(part), told(value))
    assert graded.outcome == ("right" if right else "wrong")
    assert graded.right is right


def test_what_the_answer_rests_on_is_no_answer() -> None:
    growth = told(dollars(100), dollars(87.4), percent(-12.6), rests={2: (0, 1)})
    assert grade(asked(GROWTH), growth).outcome == "right"
    assert grade(asked({**USD, "value": 100}), growth).outcome == "wrong"


def test_what_a_step_without_result_rested_on_is_no_answer() -> None:
    left_open = told(dollars(100), dollars(87.4), percent(0), rests={2: (0, 1)}, status="partial")
    failed = left_open.findings[2].model_copy(update={"status": "abstained", "value": None})
    left_open = left_open.model_copy(
        update={"findings": (*left_open.findings[:2], failed), "claims": left_open.claims[:2]}
    )
    assert grade(asked(GROWTH), left_open).outcome == "abstained"


def test_every_part_must_be_answered() -> None:
    both = asked(USD, TONE)
    assert grade(both, told(dollars(3807), "negative: 1 of 1")).outcome == "right"
    assert grade(both, told(dollars(3807), status="partial")).outcome == "partial"
    assert grade(both, told(dollars(3807), "positive: 1 of 1")).outcome == "wrong"
    assert grade(both, told(dollars(1), "negative: 1 of 1")).outcome == "wrong"
    assert grade(both, told(dollars(1))).outcome == "wrong"


def test_a_part_told_in_passing_counts_beside_one_that_was_asked() -> None:
    both = asked(NAME, {**USD, "value": 1352})
    answer = told(dollars(1352), "Helixant", rests={1: (0,)})
    assert grade(both, answer).outcome == "right"
    assert grade(asked({**USD, "value": 1352}), answer).outcome == "wrong"


def test_a_figure_in_brackets_beside_a_name_is_told() -> None:
    both = asked(NAME, {**USD, "value": 1352})
    answer = told("Helixant")
    for text, outcome in (
        ("Helixant ($1,352 million) had the highest [1].", "right"),
        ("Helixant ($1,300 million) had the highest [1].", "partial"),
        ("Helixant had the highest [1].", "partial"),
    ):
        claim = answer.claims[0].model_copy(update={"text": text})
        assert grade(both, answer.model_copy(update={"claims": (claim,)})).outcome == outcome
    alone = answer.model_copy(update={"claims": (claim,)})
    assert grade(asked({**USD, "value": 1352}), alone).outcome == "wrong"


def test_more_of_the_same_kind_than_asked_is_not_right() -> None:
    assert grade(asked(USD), told(dollars(3807), dollars(4000))).outcome == "partial"
    assert grade(asked(USD), told(dollars(3807), percent(5))).outcome == "right"
    assert grade(asked(NAME), told("Helixant", "Acme Corp")).outcome == "partial"
    assert grade(asked(NAME), told("Helixant", "positive: 1 of 1")).outcome == "right"


def test_a_list_may_be_told_a_name_at_a_time() -> None:
    assert grade(asked(NAMES), told("Acme Corp", "Zeta Inc")).outcome == "right"
    assert grade(asked(NAMES), told("Acme Corp", "Beta")).outcome == "wrong"


def test_yes_or_no_decides_whatever_figures_come_with_it() -> None:
    assert grade(asked(YES), told("yes", dollars(1), dollars(2))).outcome == "right"
    assert grade(asked(YES), told("yes", "no")).outcome == "wrong"
    assert grade(asked(YES), told(dollars(2), text="Yes: revenue rose [1].")).outcome == "right"
    assert grade(asked(YES), told(dollars(2), text="Revenue was 2 [1].")).outcome == "wrong"
    no = {"type": "boolean", "value": False}
    assert grade(asked(no), told("yes", "no")).outcome == "right"


def test_without_an_answer_silence_is_right() -> None:
    silent = told(dollars(1), status="abstained")
    assert grade(asked(), silent).right
    assert grade(asked(USD), silent) == grade(asked(USD), told())
    assert not grade(asked(USD), silent).right
    assert grade(asked(), told(dollars(1))).outcome == "wrong"
    assert grade(asked(), None).outcome == "error"


def test_names_are_folded() -> None:
    assert fold(" 2) Acme  Corp. ") == "acme corp"
    assert fold("Acme Corp: USD 3 million") == "acme corp"
