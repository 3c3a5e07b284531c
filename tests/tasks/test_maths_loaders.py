"""GSM8K: gold and steps as the file has them, parts that share nothing."""

from __future__ import annotations

import json
import os
from itertools import islice
from pathlib import Path

import pytest

from specialists.foundation.errors import InputError
from specialists.maths.check import MathsAnswer, consistent
from specialists.maths.loaders import load, part_of, solution
from specialists.maths.task import MathsTask
from specialists.task import Form
from training import jobs

TASK = MathsTask()


@pytest.fixture
def data() -> Path:
    root = os.environ.get("FINROUTE_DATA")
    if not root or not Path(root, "gsm8k", "train.jsonl").is_file():
        pytest.skip("FINROUTE_DATA does not point to a folder with gsm8k/train.jsonl")
    return Path(root)


def write(root: Path, *rows: dict[str, str]) -> Path:
    (root / "gsm8k").mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (root / "gsm8k" / "train.jsonl").write_text(lines, encoding="utf-8")
    return root


def test_real_problems_pass_their_own_check_in_both_forms(data: Path) -> None:
    parts = {part: list(load(TASK, data, part)) for part in ("train", "dev")}
    assert len(parts["train"]) + len(parts["dev"]) == 7473
    assert 0.08 < len(parts["dev"]) / 7473 < 0.12
    questions = [{e.inputs.question for e in part} for part in parts.values()]
    assert questions[0].isdisjoint(questions[1])
    shown = 0
    for part, found in parts.items():
        for example in islice(found, 0, None, 4):
            assert example.fold == part
            assert "<<" not in example.answer.working
            assert "####" not in example.answer.working
            replies: dict[Form, str] = {
                "compact": example.dialogue[-1].content,
                "full": TASK.written(example),
            }
            for form, reply in replies.items():
                answer = TASK.begin(example.inputs, form=form).answer(reply)
                assert TASK.score(example, answer).right
            shown += consistent(example.answer)
    assert shown > 7473 / 4 * 0.6  # the rest tells its steps in words that no equation stands in


def test_training_reads_the_training_part(data: Path) -> None:
    found = list(islice(jobs.public("maths", data), 50))
    assert all(part_of(e.inputs.question) == "train" for e in found)
    assert all(e.source == "gsm8k" for e in found)


@pytest.mark.parametrize(
    ("told", "working", "answer"),
    [
        ("He has 48/2 = <<48/2=24>>24.\nSo 24.\n#### 24", "He has 48/2 = 24. So 24.", 24),
        ("#### 1,234,000", "", 1234000),
        ("It is $<<3*4=12>>12\n####  -12 ", "It is $12", -12),
        ("half\n#### 0.5", "half", 0.5),
        ("#### 7\n#### $8", "#### 7", 8),
    ],
)
def test_steps_and_number(told: str, working: str, answer: float) -> None:
    assert solution(told) == MathsAnswer(working=working, answer=answer)


@pytest.mark.parametrize("told", ["", "so 7", "#### ", "#### seven", "#### 1e400", "#### NaN"])
def test_a_line_without_a_number_is_named(tmp_path: Path, told: str) -> None:
    question = next(q for q in map("How many are {}?".format, range(99)) if part_of(q) == "train")
    root = write(tmp_path, {"question": question, "answer": told})
    with pytest.raises(InputError, match=r"train\.jsonl, line 1: .*number"):
        list(load(TASK, root, "train"))


def test_a_line_without_a_question_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, {"question": " ", "answer": "#### 3"})
    with pytest.raises(InputError, match="line 1: there is no question"):
        list(load(TASK, root, "dev"))


def test_case_and_space_do_not_move_a_question_to_another_part() -> None:
    assert part_of(" How Many?\n") == part_of("how many?")
