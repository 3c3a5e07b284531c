"""The report as Markdown, and its place in the README."""

import pytest

from evals import table
from evals.accuracy import Accuracy, judged
from evals.questions import Paper
from specialists.foundation.errors import ConfigError


@pytest.fixture
def report() -> Accuracy:
    def result(arm, paper, marks):
        made = judged(Paper("sentiment", paper, ()), arm, marks)
        return made.model_copy(update={"tokens": 100, "seconds": 2.0, "templates": 7})

    return Accuracy(
        started="2026-01-01T00:00:00+00:00",
        base="b" * 64,
        adapters={"sentiment": "a" * 64},
        sizes={"base": 8_000_000, "sentiment": 1_300_000},
        device="a machine, 2 threads",
        seconds=120,
        results=(
            result("adapter", "companies", [True] * 9 + [False]),
            result("base", "companies", [True] * 5 + [False] * 5),
            result("random", "companies", [False] * 10),
            result("grammar", "companies", [True] * 3 + [False] * 7),
            result("adapter", "templates", [True] * 8 + [False] * 2),
            result("adapter", "sentfin", [True] * 7 + [False] * 3),
            result("tf-idf", "sentfin", [True] * 6 + [False] * 4),
        ),
    )


def test_every_cell_has_its_interval_and_count(report):
    text = table.markdown(report)
    row = next(line for line in text.splitlines() if "held-out companies" in line)
    assert "**0.90 [0.60, 0.98] of 10**" in row
    assert row.count("of 10") == 4
    real = next(line for line in text.splitlines() if "SEntFiN" in line)
    assert "0.70" in real
    assert "0.60" in real


def test_the_notes_tell_what_the_intervals_leave_out(report):
    text = table.markdown(report)
    assert "come from 7 to 7 such frames" in text
    assert "provisional" in text
    assert "50 tokens/s" in text


def test_a_report_survives_json(report):
    assert Accuracy.model_validate_json(report.model_dump_json()) == report


def test_it_goes_between_the_markers_and_nothing_else_changes(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{table.START}\nold\n{table.END}\nafter\n")
    table.embed(readme, "new")
    assert readme.read_text() == f"before\n{table.START}\nnew\n{table.END}\nafter\n"
    table.embed(readme, "newer")
    assert readme.read_text().count("new") == 1


def test_a_readme_without_markers_is_an_error(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("nothing here\n")
    with pytest.raises(ConfigError, match="accuracy:start"):
        table.embed(readme, "new")
