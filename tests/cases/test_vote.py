"""A library on disk, its reading of questions, and the user's operations beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from specialists.cases import shelf
from specialists.cases.case import Case
from specialists.cases.own import Store, make
from specialists.cases.retrieve import ByWords
from specialists.cases.solved import solved
from specialists.cases.vote import Votes, packaged, shown, vote
from specialists.cases.voted import VotedPlanning
from specialists.engines import encoder
from specialists.foundation.errors import RecordError
from specialists.planning.render import PlanningInputs
from specialists.workspace.links import Linker
from specialists.workspace.synthetic import make_snapshot


@pytest.fixture(scope="module")
def linker() -> Linker:
    return Linker(make_snapshot(3, split="train", companies=4, years=range(2018, 2023)).catalogue)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINROUTE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def inputs(linker: Linker, question: str) -> PlanningInputs:
    firms = [company.name for company in linker.catalogue.companies]
    return PlanningInputs(question.format(*firms), linker.catalogue, linker)


def test_solved_questions_are_read_as_they_were_solved(tmp_path: Path):
    made = list(solved("train", 80, 1))
    shelf.write(tmp_path, [each.case() for each in made], None, 0, 0)
    library = shelf.load(tmp_path, encoder=None)
    assert library is not None
    found = [(vote(library, each.example.inputs), each.example.answer) for each in made[:40]]
    assert np.mean([read is not None and read.agrees(plan) for read, plan in found]) > 0.6


def test_questions_are_taken_apart_and_what_a_part_leaves_out_comes_from_before(
    small: Path, linker: Linker
):
    library = shelf.load(small, encoder=None)
    assert library is not None
    asked = inputs(linker, "What was the net income of {0} in 2020 and how is the press about it?")
    found = vote(library, asked)
    assert found is not None
    assert found.reading.plan == "get <c1> <e1> <p1> ; press <e1>"
    assert [step.specialist for step in found.plan.subtasks] == ["table_qa", "sentiment"]


def test_the_order_a_case_takes_companies_in_is_its_own(small: Path, linker: Linker):
    library = shelf.load(small, encoder=None)
    assert library is not None
    asked = inputs(linker, "How much less revenue did {0} have than {1} in 2020?")
    found = vote(library, asked)
    assert found is not None
    assert found.reading.plan == "diff <c1> <e2> <e1> <p1>"


def test_a_plain_question_is_read_with_its_own_slots(small: Path, linker: Linker):
    library = shelf.load(small, encoder=None)
    assert library is not None
    found = vote(library, inputs(linker, "What was the revenue of {1} in 2021?"))
    assert found is not None
    assert found.reading.plan == "get <c1> <e1> <p1>"
    (step,) = found.plan.subtasks
    assert step.inputs["company"] == linker.catalogue.companies[1].name
    assert found.signals(found.plan).vote is True
    other = vote(library, inputs(linker, "What was the revenue of {2} in 2021?"))
    assert other is not None
    assert found.signals(other.plan).vote is False


def test_the_same_seed_makes_the_same_library(small: Path, tmp_path: Path):
    record = shelf.make(tmp_path, encoder=None, examples=20)
    assert record.cases <= 20
    assert shelf.make(tmp_path / "again", encoder=None, examples=20).files == record.files


def test_an_altered_library_is_refused(tmp_path: Path, handmade: list[Case]):
    assert shelf.load(tmp_path, encoder=None) is None
    shelf.write(tmp_path, handmade, None, 0, 0)
    with (tmp_path / shelf.CASES).open("a") as file:
        file.write("\n")
    with pytest.raises(RecordError, match="make the library again"):
        shelf.load(tmp_path, encoder=None)


def test_a_taught_operation_is_used_for_another_company_and_year(small: Path, linker: Linker):
    task = VotedPlanning(Votes(packaged("none"), small))
    question = "What is the zorblax multiple of {0} in 2021?"
    asked = inputs(linker, question)
    plan = "cash / (cost of revenue - inventory)"
    Store().add([make("zorblax", asked.question, plan, linker)])
    new = inputs(linker, "What is the zorblax multiple of {2} in 2019?")
    found = task.votes.vote(new) if task.votes else None
    assert found is not None
    assert found.own
    *_, last = found.plan.subtasks
    assert last.specialist == "calculation"
    looked = [s.inputs.get("measure") for s in found.plan.subtasks if "measure" in s.inputs]
    assert looked == ["cash and cash equivalents", "cost of revenue", "inventory"]
    assert {s.inputs.get("company") for s in found.plan.subtasks} - {None} == {
        linker.catalogue.companies[2].name
    }
    (case,) = task.cases(new)
    assert "zorblax" in case.question
    Store().remove("zorblax")
    forgotten = task.votes.vote(new) if task.votes else None
    assert forgotten is None or not forgotten.own


def test_a_second_opening_finds_the_fit_it_made(small: Path, linker: Linker, home: Path):
    case = make("zorblax", inputs(linker, "Zorblax of {0}?").question, "cash / inventory", linker)
    first = shelf.load(small, encoder=None, own=[case])
    (kept,) = (home / "cases").iterdir()
    stamp = kept.stat().st_mtime_ns
    second = shelf.load(small, encoder=None, own=[case])
    assert kept.stat().st_mtime_ns == stamp
    assert first is not None
    assert second is not None
    asked = inputs(linker, "Zorblax of {1}?")
    one, two = vote(first, asked), vote(second, asked)
    assert one is not None
    assert two is not None
    assert one.plan == two.plan
    assert one.reading.probability == pytest.approx(two.reading.probability, abs=0.05)


def test_without_a_library_there_is_no_vote(tmp_path: Path, linker: Linker):
    task = VotedPlanning().equipped(tmp_path)
    asked = inputs(linker, "What was the revenue of {1} in 2021?")
    assert task.votes is not None
    assert task.votes.vote(asked) is None
    assert shown is not None
    assert task.cases(asked) == ()


def test_bm25_scores_a_case_against_itself_as_one():
    retriever = ByWords(["growth of revenue", "tone of the news", "which had most"])
    _, similarities = retriever.read("tone of the news")
    assert similarities.argmax() == 1
    assert similarities[1] == pytest.approx(1)
    assert retriever.read("zzz")[1].tolist() == [0, 0, 0]


@pytest.mark.skipif(encoder.installed() is None, reason="the encoder's package is not installed")
def test_with_the_encoder_cases_are_compared_by_sentence_vectors(
    tmp_path: Path, linker: Linker, handmade: list[Case]
):
    made = encoder.load()
    record = shelf.write(tmp_path, handmade[:40], made, 0, 0)
    assert record.encoder == made.digest
    library = shelf.load(tmp_path, encoder=made)
    assert library is not None
    text = library.cases[0].question
    (nearest, similarity), *_ = library.nearest(text, 3)
    assert nearest.question == text
    assert similarity == pytest.approx(1, abs=0.01)
    found = vote(library, inputs(linker, "What was the revenue of {1} in 2021?"))
    assert found is not None
    assert 0.5 < found.reading.similarity <= 1.01
