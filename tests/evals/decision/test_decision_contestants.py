"""Contestants without a language model, and what tells them from each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.decision import classical, scorer
from evals.decision.contestants import read_answers
from evals.decision.design import Design, Registered
from evals.decision.entrants import enlist
from specialists import registry
from specialists.foundation.digests import file_digests
from specialists.foundation.errors import AnswerError, ConfigError, DataError, RecordError
from specialists.foundation.records import artefact_digest
from specialists.weights import WEIGHTS


def registered(*arms: dict[str, object], study: str = "") -> Registered:
    design = Design.model_validate(
        {
            "specialist": "sentiment",
            "start": arms[0]["name"],
            "arms": arms,
            "contrasts": [{"arm": arms[1]["name"], "against": arms[0]["name"]}],
            "papers": [{"name": "sealed"}],
            "study": study,
        }
    )
    return Registered(design=design, name="d", path=Path("d.toml"), written={}, study={})


BASE = {"name": "base", "kind": "base"}


def test_the_shipped_adapters_and_base_are_found_by_their_digests() -> None:
    folder = str(WEIGHTS / "sentiment")
    told = registered(BASE, {"name": "ours", "kind": "adapter", "folder": folder})
    roster = enlist(told)
    base, ours = roster.entrants
    assert base.digest == roster.base_digest
    assert ours.record is not None
    assert ours.record.base == roster.base_digest
    assert roster.adapters == (roster.base_digest, ours.digest)
    assert roster.digests == {"base": {"1": base.digest}, "ours": {"1": ours.digest}}
    assert [e.name for e in enlist(told, only=["ours"]).entrants] == ["ours/1"]


def test_the_tests_seed_follows_from_the_adapters_alone(tmp_path: Path) -> None:
    """A file of answers is made after the questions: they cannot follow from it."""
    (tmp_path / "a.csv").write_text("question,output\nq,yes\n")
    answers = {"name": "people", "kind": "answers", "file": str(tmp_path / "a.csv")}
    large = {"name": "large", "kind": "endpoint", "model": "gpt"}
    told = registered(BASE, answers, large, {"name": "words", "kind": "classical"})
    roster = enlist(told)
    assert roster.adapters == (roster.base_digest,)
    assert len({e.digest for e in roster.entrants}) == 4


@pytest.mark.parametrize(
    ("arm", "error", "why"),
    [
        ({"name": "x", "kind": "adapter", "folder": "nowhere"}, ConfigError, "holds no adapter"),
        ({"name": "x", "kind": "answers", "file": "nowhere.csv"}, ConfigError, "there is no file"),
    ],
)
def test_what_is_not_there_is_refused(
    arm: dict[str, object], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        enlist(registered(BASE, arm))


def test_an_adapter_of_another_base_is_refused(
    base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    from specialists.foundation.records import RUN, RunRecord

    folder = tmp_path / "adapter"
    folder.mkdir()
    for file in adapters["alpha"].iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    RunRecord.of(folder, kind="adapter", name="sentiment", base="0" * 64).write(folder / RUN)
    told = registered(BASE, {"name": "x", "kind": "adapter", "folder": str(folder)})
    with pytest.raises(RecordError, match="the adapters were made on 000000000000"):
        enlist(told)


def studied(folder: Path, base: Path, recipes: dict[str, str]) -> Registered:
    """A design whose study has no run yet."""
    folder.mkdir()
    (folder / "study.toml").write_text('about = "a study"\n')
    for name, text in recipes.items():
        (folder / name).write_text(text.replace("BASE", str(base)))
    told = registered(BASE, {"name": "sft", "kind": "trained"}, study=str(folder))
    return told.model_copy(update={"study": file_digests(folder)})


def test_before_any_run_the_base_is_the_one_that_the_study_trains_on(
    base: Path, tmp_path: Path
) -> None:
    own = '[base]\nsource = "BASE"\n'
    told = studied(tmp_path / "own", base, {"sft.toml": own})
    assert enlist(told, only=["base"]).base_digest == artefact_digest(base)
    packaged = studied(tmp_path / "packaged", base, {"sft.toml": 'extends = "x/sft/embedded"\n'})
    assert enlist(packaged, only=["base"]).base == WEIGHTS / "base"


@pytest.mark.parametrize(
    ("recipes", "why"),
    [
        (
            {"a.toml": '[base]\nsource = "BASE"\n', "b.toml": 'extends = "x/sft/embedded"\n'},
            "train on several bases",
        ),
        ({"a.toml": 'extends = "x/sft/qwen3-0.6b"\n'}, "set base.source there"),
    ],
)
def test_a_study_whose_base_cannot_be_told_is_refused(
    base: Path, tmp_path: Path, recipes: dict[str, str], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        enlist(studied(tmp_path / "study", base, recipes), only=["base"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("question\nq\n", "needs question and output"),
        ("question,output\nq,a\nq,b\n", "run 1 answers 'q' twice"),
    ],
)
def test_a_file_of_answers_is_read_strictly(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=why):
        read_answers(path)


def test_answers_may_be_several_runs_and_json(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"question": "q", "output": {"sentiment": "neutral"}}\n'
        '{"question": "q", "output": "words", "run": 2}\n'
    )
    assert read_answers(path) == {1: {"q": '{"sentiment": "neutral"}'}, 2: {"q": "words"}}


FLOOR = {"sentiment": 0.45, "calculation": 0.1, "extraction": 0.02, "table_qa": 0.2}
"""Well below what was measured: that they do something at all."""


@pytest.mark.parametrize("job", classical.ABOUT)
def test_the_classical_arms_answer_in_the_jobs_own_form(
    job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classical, "COUNT", 200)
    task = registry.task(job)
    answerer = classical.answerer(task)
    right = count = 0
    for example in task.examples("companies", 40, 99):
        count += 1
        try:
            answer, output = answerer(example)
        except AnswerError:
            continue
        assert output
        right += scorer.right(job, example, answer)
    assert right / count >= FLOOR.get(job, 0.0)


def test_a_job_without_a_classical_arm_says_so() -> None:
    with pytest.raises(ConfigError, match="maths has no classical arm"):
        classical.answerer(registry.task("maths"))
