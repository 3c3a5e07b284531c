"""Overlap of a test with what was learned from, on texts whose overlap is known."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.sober import contamination
from evals.sober.contamination import Text, overlap, words
from specialists import registry
from specialists.foundation.errors import DataError
from training.corpus import CorpusRecipe, shards

LONG = "the quick brown fox jumps over the lazy dog while seven wise owls look on in silence"


def test_words_are_lower_case_and_bare() -> None:
    assert words("It's $9,070 (net)\nof TAX.") == ["its", "9070", "net", "of", "tax"]


def test_a_copied_question_is_dirty_and_the_same() -> None:
    found = overlap([Text("t1", LONG.upper(), "Acme Inc.")], [Text("q1", LONG, "ACME INC")])
    assert (found.same, found.dirty, found.clean, found.companies) == (1, 1, 0, 1)
    assert found.examples[0].learned == "t1"
    assert found.dirty_ids == ("q1",)


def test_a_common_phrase_is_boilerplate() -> None:
    learned = [Text(str(n), f"{LONG} number {n}") for n in range(contamination.COMMON + 1)]
    found = overlap(learned, [Text("q", f"{LONG} but not {n}") for n in range(3)])
    assert (found.dirty, found.boilerplate, found.clean) == (0, 1, 0)
    assert overlap(learned[:-1], [Text("q", LONG)]).dirty == 1


def test_other_words_are_clean() -> None:
    found = overlap([Text("t", LONG)], [Text("q", " ".join(LONG.split()[::-1]))])
    assert (found.dirty, found.boilerplate, found.clean) == (0, 0, 1)
    assert found.companies is None


def test_short_tests_have_short_strings() -> None:
    assert contamination.size([["word"] * 3] * 20) == 8
    assert contamination.size([["word"] * 11] * 20) == 11
    assert contamination.size([["word"] * 90] * 20) == 13


@given(st.lists(st.text("abc ", min_size=1), min_size=1), st.lists(st.text("abc ", min_size=1)))
def test_shares_add_up(tests: list[str], learned: list[str]) -> None:
    asked = [Text(str(n), text) for n, text in enumerate(tests)]
    found = overlap([Text("t", text) for text in [*learned, "x"]], asked)
    assert found.dirty + found.boilerplate + found.clean == pytest.approx(1)
    assert found.same <= 1


def test_nothing_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="no test"):
        overlap([Text("t", LONG)], [])
    with pytest.raises(DataError, match="nothing"):
        overlap([], [Text("q", LONG)])


def test_thirty_thousand_texts_take_seconds() -> None:
    def learned() -> Iterator[Text]:
        for n in range(30_000):
            yield Text(str(n), " ".join(f"w{(n * 31 + k * k) % 5_000}" for k in range(60)))

    begun = time.process_time()
    overlap(learned(), [Text("q", LONG)] * 600)
    assert time.process_time() - begun < 20


def test_the_released_corpus_is_made_again() -> None:
    """Its shards and seeds are those that training lays out."""
    task = registry.task("sentiment")
    recipe = CorpusRecipe(seed=12, jobs=("sentiment", "table_qa"), train=1_500, dev=0)
    told = [s for s in shards(recipe) if s.fold == "train" and s.job == "sentiment"]
    wanted = [e.id for s in told for e in task.examples("train", s.count, s.seed)]
    made = contamination.generated(task, {"corpus_seed": 12, "examples": 1_500})
    assert [e.id for e in made] == wanted


def test_a_tuning_run_is_made_again() -> None:
    data = {"count": 40, "seed": 3, "held": 0.15, "file": "", "parts": [{"slice": "", "share": 1}]}
    task = registry.task("sentiment")
    made = list(contamination.generated(task, {"data": data}))
    first = list(task.examples("train", 40, 3))
    assert [e.id for e in made[:40]] == [e.id for e in first]
    with pytest.raises(DataError, match="mine"):
        list(contamination.generated(task, {"data": data | {"file": "mine.csv"}}))
