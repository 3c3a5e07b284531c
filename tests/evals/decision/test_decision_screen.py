"""The screen before training: advice that follows from what was sampled, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.decision import screen
from evals.decision.design import Design, Paper, Registered
from evals.decision.questions import Question
from evals.decision.samples import Sample
from specialists import registry
from specialists.foundation.errors import DataError
from specialists.weights import WEIGHTS

EXAMPLE = next(iter(registry.task("sentiment").examples("dev", 1, 1)))


def design(*papers: Paper) -> Design:
    return Design.model_validate(
        {
            "specialist": "sentiment",
            "start": "start",
            "arms": [
                {"name": "start", "kind": "adapter", "folder": str(WEIGHTS / "sentiment")},
                {"name": "teacher", "kind": "base"},
            ],
            "contrasts": [{"arm": "teacher", "against": "start"}],
            "papers": [p.model_dump() for p in papers] or [{"name": "sealed"}],
            "decode": {"max_tokens": 24, "held": True},
        }
    )


def drawn(count: int) -> list[Question]:
    return [
        Question("dev", replace(EXAMPLE, id=f"q{n}"), "c", "t", f"{n:04}") for n in range(count)
    ]


def rows(arm: str, scores: np.ndarray, parses: np.ndarray | None = None) -> list[Sample]:
    return [
        Sample(
            arm=arm,
            run=1,
            paper="dev",
            question=f"q{q}",
            company="c",
            template="t",
            draw=k,
            score=float(scores[q, k]),
            parses=True if parses is None else bool(parses[q, k]),
        )
        for q, k in np.ndindex(*scores.shape)
    ]


def found(
    scores: np.ndarray, parses: np.ndarray | None = None, teacher: np.ndarray | None = None
) -> screen.Screened:
    told = {"start": rows("start", scores, parses)}
    if teacher is not None:
        told["teacher"] = rows("teacher", teacher)
    name = "teacher" if teacher is not None else ""
    return screen.read(design(), told, drawn(len(scores)), scores.shape[1], name)


def lots(p: float, seed: int = 0, shape: tuple[int, int] = (100, 8)) -> np.ndarray:
    return (np.random.default_rng(seed).random(shape) < p).astype(float)


def test_a_start_with_room_to_learn_gets_no_advice() -> None:
    told = found(lots(0.5))
    assert told.advice == ()
    assert told.mixed.mean > 0.9
    assert told.lift.mean == pytest.approx(1 - told.right.mean, abs=0.02)
    assert told.right.high - told.right.low == pytest.approx(2 * 1.96 * 0.5 / 800**0.5, rel=0.2)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (found(lots(0.5), parses=lots(0.7, 1)), "mend the format first"),
        (found(np.zeros((100, 8))), "SFT wins trivially"),
        (found(lots(0.9)), "nothing to gain"),
        (found(np.repeat(lots(0.5, 2, (100, 1)), 8, axis=1)), "RL has little to work with"),
        (found(lots(0.5), teacher=lots(0.51, 3)), "little to teach"),
    ],
)
def test_each_fault_is_told(told: screen.Screened, why: str) -> None:
    assert any(why in line for line in told.advice), told.advice


def test_a_teacher_who_is_surely_better_may_teach() -> None:
    told = found(lots(0.5), teacher=lots(0.8, 3))
    assert told.gain is not None
    assert told.gain.low > 0.2
    assert not any("teach" in line for line in told.advice)


def test_unjudged_or_missing_samples_give_no_advice() -> None:
    good = rows("start", lots(0.5, shape=(4, 2)))
    with pytest.raises(DataError, match="1 samples of the screen are missing"):
        screen.read(design(), {"start": good[:-1]}, drawn(4), 2)
    bad = good[0].model_copy(update={"score": None, "error": "no line"})
    with pytest.raises(DataError, match="no line"):
        screen.read(design(), {"start": [bad, *good[1:]]}, drawn(4), 2)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_an_interval_holds_its_mean(values: list[float]) -> None:
    told = screen.share(np.array(values))
    assert told.low - 1e-9 <= told.mean <= told.high + 1e-9


def test_development_questions_are_of_the_sealed_papers_slices() -> None:
    told = design(
        Paper(name="a", fold="templates", slice="one"),
        Paper(name="b", fold="companies", slice="several"),
        Paper(name="c", fold="companies", slice="one"),
        Paper(name="d", fold="public"),
    )
    made = screen.papers(told, 100)
    assert [(p.name, p.fold, p.slice, p.count) for p in made] == [
        ("dev one", "dev", "one", 50),
        ("dev several", "dev", "several", 50),
    ]


async def test_the_shipped_adapter_is_screened_once(tmp_path: Path) -> None:
    told = Registered(design=design(), name="d", path=Path("d.toml"), written={}, study={})
    said: list[str] = []
    first = await screen.screen(
        told, tmp_path, teacher="teacher", count=6, samples=2, say=said.append
    )
    assert (first.questions, first.samples) == (6, 2)
    assert first.unparsed.mean == 0.0
    assert first.gain is not None
    said.clear()
    again = await screen.screen(
        told, tmp_path, teacher="teacher", count=6, samples=2, say=said.append
    )
    assert again == first
    assert all("0 of 0 samples" in line for line in said)
