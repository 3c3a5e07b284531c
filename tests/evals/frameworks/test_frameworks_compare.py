"""The cross-framework check: its sheet always, the other framework where it is installed."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from evals.frameworks import compare, harness, sheet
from specialists.foundation.errors import ConfigError
from specialists.registry import task

RESULTS = Path(compare.__file__).resolve().parents[1] / "results" / "frameworks"


def test_a_sheet_holds_the_prompt_that_serves_and_the_label(tmp_path: Path) -> None:
    job = task("sentiment")
    examples = list(islice(job.examples("templates", 5, 7), 5))
    given = sheet.rows(job, examples)
    assert [r["label"] for r in given] == [e.answer.sentiment for e in examples]
    assert [r["user"] for r in given] == [e.dialogue[1].content for e in examples]
    written = sheet.write(tmp_path / "sheet.jsonl", given).read_text("utf-8")
    assert [json.loads(line) for line in written.splitlines()] == given
    with pytest.raises(ConfigError, match="only sentiment"):
        sheet.rows(task("maths"), [])


def test_the_harness_is_told_where_it_is_not_installed(tmp_path: Path) -> None:
    if harness.installed():
        pytest.skip("lm-evaluation-harness is installed")
    with pytest.raises(ConfigError, match="pip install lm-eval"):
        harness.run(tmp_path / "s.jsonl", tmp_path, None)


@pytest.mark.parametrize("name", ["templates", "tfns"])
def test_the_committed_comparison_holds_together(name: str) -> None:
    found = compare.Comparison.model_validate_json((RESULTS / f"{name}.json").read_text("utf-8"))
    assert found.count >= 100
    held, free, other = found.rows
    assert other.accuracy == pytest.approx(found.reported, abs=1e-4)
    assert found.count - found.agree == sum(a.free != a.other for a in found.differing)
    # What the three ways call right differs only on the questions that are listed.
    same = {
        row.right - sum(getattr(each, way) == each.label for each in found.differing)
        for row, way in ((held, "held"), (free, "free"), (other, "other"))
    }
    assert len(same) == 1
    _, plain = found.controls
    assert plain.high < other.low  # the check would have seen another prompt


@pytest.mark.filterwarnings("default")
@pytest.mark.skipif(
    not harness.installed(),
    reason="lm-evaluation-harness is not installed: pip install lm-eval==0.4.13",
)
def test_both_frameworks_call_the_same_answers_right() -> None:
    name, examples = compare.paper(16, "", None)
    found = compare.compare(examples, name)
    assert found.count == 16
    assert found.agree >= 15
