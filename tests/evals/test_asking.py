"""Reading questions, and the figures of a run."""

from pathlib import Path

import pytest

from evals.asking import Asked, Asking, as_markdown, read_questions
from specialists.foundation.errors import InputError


def test_comments_and_blank_lines_are_no_questions(tmp_path: Path):
    file = tmp_path / "questions.txt"
    file.write_text("# written first\n\nWhat was revenue?\n  And profit?  \n")
    assert read_questions(file) == ["What was revenue?", "And profit?"]


@pytest.mark.parametrize("content", [b"", b"# only\n\n", b"\xff\xfe\x00"])
def test_a_file_without_questions_is_refused(tmp_path: Path, content: bytes):
    file = tmp_path / "questions.txt"
    file.write_bytes(content)
    with pytest.raises(InputError, match="question"):
        read_questions(file)


def test_quantiles_are_of_the_warm_asks():
    asked = tuple(Asked(str(i), "complete", f"a|{i}", (), float(i)) for i in range(1, 21))
    run = Asking(asked, cold_start_s=99.0)
    assert run.quantile(0.5) == 11.0
    assert run.quantile(0.95) == 20.0
    table = as_markdown(run)
    assert "p50 11.00 s, p95 20.00 s" in table
    assert "cold start with its first answer 99.00 s" in table
    assert "a\\|3" in table
