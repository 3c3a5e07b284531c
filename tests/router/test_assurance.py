from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pytest

from router.assurance import assured, features, threshold
from router.contracts import Answer, Claim, Planning
from specialists.confidence import FLOOR
from specialists.foundation.contracts import Finding, Plan, Quantity, Subtask
from specialists.foundation.records import Assurance, Logistic, Threshold


def step(id: str, confidence: float | None, status: str = "ok") -> Finding:
    return Finding.model_validate(
        {
            "subtask": id,
            "specialist": "table_qa",
            "status": status,
            "value": Quantity(value=3.0, unit="USD"),
            "confidence": confidence,
        }
    )


def answer(*findings: Finding, status: str = "complete", plan: float | None = 0.9) -> Answer:
    return Answer.model_validate(
        {
            "id": "a1",
            "question": "what?",
            "text": "The revenue was USD 3 [1].",
            "status": status,
            "claims": (Claim(text="The revenue was USD 3.", finding="s1"),),
            "plan": Plan(
                subtasks=tuple(
                    Subtask(id=f.subtask, specialist="table_qa", instruction="i") for f in findings
                )
            ),
            "findings": findings,
            "planning": Planning(confidence=plan),
            "workspace": "demo",
            "version": "1",
            "as_of": date(2024, 1, 1),
            "created": datetime(2024, 1, 1, tzinfo=UTC),
        }
    )


def measured(*thresholds: tuple[float, float]) -> Assurance:
    return Assurance(
        base="b",
        adapters={},
        logistic=Logistic(intercept=0.0, weights={"joint": 1.0}, usual={"joint": 0.0}),
        thresholds=tuple(
            Threshold(risk=risk, confidence=least, wrong=0, given=100, p=0.01)
            for risk, least in thresholds
        ),
        delta=0.05,
        count=100,
        sources={"dev": 100},
    )


def test_what_speaks_for_an_answer_is_that_its_plan_and_all_its_steps_are_right() -> None:
    told = features(answer(step("s1", 0.9), step("s2", 0.5), step("s3", 0.1, "failed")))
    assert told == {"joint": pytest.approx(math.log(0.405 / 0.595))}
    assert features(answer(step("s1", 0.9), status="partial")) == {"joint": -FLOOR}
    assert features(answer(step("s1", 0.0))) == {"joint": -FLOOR}
    assert features(answer(step("s1", None), plan=None)) == {}


def test_an_answer_sure_enough_is_given_with_its_confidence() -> None:
    given = assured(answer(step("s1", 0.9)), measured((0.03, 0.4)), 0.03)
    assert given.status == "complete"
    assert given.confidence == pytest.approx(0.81)


def test_one_that_is_not_is_withheld_and_stays_in_the_trace() -> None:
    before = answer(step("s1", 0.9))
    withheld = assured(before, measured((0.03, 0.9)), 0.03)
    assert withheld.status == "abstained"
    assert withheld.claims == ()
    assert "3" not in withheld.text
    assert "confidence 0.810 is below 0.900" in withheld.notes[0]
    assert withheld.findings == before.findings


def test_the_operator_chooses_the_risk_or_switches_it_off() -> None:
    strict = measured((0.01, 0.95), (0.03, 0.9), (0.1, 0.2))
    sure = answer(step("s1", 0.9))
    assert assured(sure, strict, 0.1).status == "complete"
    assert assured(sure, strict, 0.05).status == "abstained"
    assert assured(sure, strict, 1.0).status == "complete"
    chosen = threshold(strict, 0.05)
    assert chosen is not None
    assert chosen.risk == 0.03


def test_a_risk_nobody_measured_gives_nothing() -> None:
    withheld = assured(answer(step("s1", 0.99)), measured((0.03, 0.2)), 0.01)
    assert withheld.status == "abstained"
    assert "no confidence is known" in withheld.notes[0]


def test_without_a_measured_assurance_every_answer_is_given() -> None:
    sure = answer(step("s1", 0.1))
    assert assured(sure, None, 0.03) is sure


def test_an_abstention_stays_one() -> None:
    silent = answer(step("s1", 0.9), status="abstained")
    assert assured(silent, measured((0.03, 0.0)), 0.03) is silent
