"""What a phrase could mean, where rules find nothing sure."""

from __future__ import annotations

import numpy as np

from specialists.workspace.links import Linker
from specialists.workspace.synthetic import make_snapshot

CATALOGUE = make_snapshot(3, split="heldout", companies=12).catalogue
LINKER = Linker(CATALOGUE)


def test_a_name_or_a_measure_is_found_by_likeness() -> None:
    company = CATALOGUE.companies[0]
    slip = company.name[:2] + company.name[3:]
    assert LINKER.candidates(slip)[0].value == company.name
    assert LINKER.candidates("expenses for research")[0].key == "research_and_development"


def test_scores_fall_and_stay_below_what_rules_give() -> None:
    found = LINKER.candidates("gross profit", k=8)
    assert found[0].key == "gross_profit"
    scores = [c.score for c in found]
    assert scores == sorted(scores, reverse=True)
    assert max(scores) <= 0.9
    assert LINKER.candidates("  ") == ()


def test_an_encoder_is_heard() -> None:
    def likes_inventory(phrase: str, texts: list[str]) -> np.ndarray:
        return np.array([1.0 if t == "inventory" else 0.0 for t in texts])

    assert LINKER.candidates("boxes of things", 1, likes_inventory)[0].key == "inventory"  # type: ignore[arg-type]
