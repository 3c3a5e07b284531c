"""The measurement and its page, small, on the embedded models themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.serving import page
from evals.serving.commands import latency, portfolio
from evals.serving.latency import SYSTEMS, Latency, measure
from evals.serving.settings import Large, Serving
from evals.serving.systems import endpoint
from specialists.foundation.errors import ConfigError, InputError
from specialists.foundation.records import RUN, RunRecord
from specialists.registry import TASKS, WEIGHTS
from specialists.workspace import demo

DEV = Path(page.__file__).parents[1] / "questions" / "dev.jsonl"
FEW = Serving(warm=1, count=2, callers=(2,), rates=(), examples=2)


@pytest.fixture(scope="module")
def measured() -> Latency:
    import asyncio

    return asyncio.run(measure(WEIGHTS, demo.build(), DEV, FEW, say=lambda _: None))


def test_every_system_gets_the_same_questions(measured: Latency) -> None:
    assert [t.arm for t in measured.trials] == list(SYSTEMS)
    asked = [[r.question for r in t.requests] for t in measured.trials]
    assert asked == [["dev-002", "dev-003"]] * 3
    for trial in measured.trials:
        assert trial.busy_s is not None
        for request in trial.requests:
            assert request.right is not None
            if request.calls:
                assert request.ttft_s is not None
                assert 0 < request.ttft_s <= request.seconds
                assert request.prompt_tokens > 0
    assert {t.arm for t in measured.jobs} == {
        f"{j}/{a}" for j in TASKS for a in ("adapter", "base")
    }
    assert all(r.calls for t in measured.jobs for r in t.requests)
    routed = measured.trials[-1].requests
    assert routed[0].jobs[0] == "planning"
    assert "sentiment" in routed[0].jobs


def test_it_is_kept_and_told(measured: Latency, tmp_path: Path) -> None:
    measured.write(tmp_path / "latency.json")
    assert Latency.read(tmp_path / "latency.json") == measured
    done = CliRunner().invoke(
        latency, ["--page-only", "--out", str(tmp_path), "--docs", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    text = (tmp_path / "latency-and-cost.md").read_text()
    for heading in ("Time", "Goodput", "Money", "Each job alone", "The best portfolio"):
        assert f"\n## {heading}\n" in text
    assert "Other jobs ran on this machine" in text
    assert "the base without adapters" in text
    assert not {"nan", "inf", "None"} & set(re.findall(r"\w+", text))
    done = CliRunner().invoke(portfolio, ["--usd", "0", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert '"planning": "none"' in done.output


def test_a_table_has_as_many_cells_in_each_row(measured: Latency) -> None:
    runs = {"planning": [RunRecord.read(WEIGHTS / "planning" / RUN)]}
    block: list[int] = []
    for line in [*page.page(measured, runs).splitlines(), ""]:
        if line.startswith("|"):
            block.append(line.count("|"))
        else:
            assert len(set(block)) <= 1, line
            block = []


async def test_too_few_questions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only warm"):
        await measure(WEIGHTS, demo.build(), DEV, Serving(warm=100), say=lambda _: None)


def test_a_large_model_without_its_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(ConfigError, match="NO_SUCH_KEY is not set"):
        endpoint(Large(model="m", api_key_env="NO_SUCH_KEY"))


def test_the_settings_are_told_without_measuring() -> None:
    done = CliRunner().invoke(latency, ["--dry-run", "--set", "slo.ttft_ms=50"])
    assert done.exit_code == 0, done.output
    assert '"ttft_ms": 50.0' in done.output
    wrong = CliRunner().invoke(latency, ["--dry-run", "--set", "rate=5"])
    assert wrong.exit_code == ConfigError.exit_code
    assert "unknown key" in wrong.output
