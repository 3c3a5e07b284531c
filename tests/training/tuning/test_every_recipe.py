"""Every named recipe of the embedded base runs from its command, shortened."""

from __future__ import annotations

from pathlib import Path

import pytest

from specialists.foundation.errors import ConfigError
from specialists.foundation.records import RunRecord, verify
from specialists.weights import WEIGHTS
from training.__main__ import main
from training.allocator import SETTINGS
from training.tuning import recipe as recipes
from training.tuning import run

NAMES = [name for name in recipes.names() if name.endswith("/embedded")]
SHORT = (
    "data.count=12",
    "watch.count=4",
    "watch.every=2",
    "learning.steps=2",
    "learning.batch=8",
    "learning.warmup=0",
    "grpo.group=4",
    "grpo.refill=0",
    "self_sft.samples=2",
    "rollout.reply=48",
    "rollout.tokens=160",
)


def test_there_is_one_for_every_job_and_method():
    jobs = {name.split("/")[0] for name in NAMES}
    methods = {name.split("/")[1] for name in NAMES}
    assert jobs >= {"sentiment", "extraction", "table_qa", "calculation", "planning", "maths"}
    assert methods >= {"sft", "self_sft", "distill", "distill_online", "grpo", "grpo_placebo"}
    assert methods >= {"grpo_dapo", "grpo_dr", "grpo_gspo"}
    assert len(NAMES) == len(jobs) * len(methods) - 1
    with pytest.raises(ConfigError, match="not for dialogues with tools"):
        recipes.load("table_qa/distill_online/embedded")


@pytest.fixture(scope="module")
def crammed(tmp_path_factory) -> Path:
    """An adapter that knows a dozen word problems by heart: of those the base knows none, and who
    knows nothing has nothing to teach."""
    words = ("data.count=12", "watch.count=4", "watch.every=200", "watch.patience=0")
    words += ("learning.steps=120", "learning.batch=12", "learning.rate=5e-3", "watch.keep=last")
    out = tmp_path_factory.mktemp("crammed") / "run"
    assert run.make(recipes.load("maths/sft/embedded", words), out, None, say=lambda _: None)
    return out / "adapter"


@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name, tmp_path: Path, monkeypatch, request):
    for key, value in SETTINGS.items():  # else the command would start its process anew
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("FINROUTE_DATA", raising=False)
    words = [*SHORT]
    if "gspo" not in name and "/grpo" in name:
        words.append("learning.accumulate=2")
    if name.startswith("maths/distill"):
        words.append(f"teacher.source={WEIGHTS / 'base'}")
    if name in ("maths/self_sft/embedded", "maths/distill/embedded"):
        knows = request.getfixturevalue("crammed")
        words += [f"start={knows}", f"teacher.adapter={knows}", "rollout.temperature=0.0"]
    elif "/self_sft/" in name or "/distill/" in name:
        # the released base, drawn from at temperature 1, may have nothing right in a dozen tries
        words += ["rollout.temperature=0.0", "data.count=40"]
    main(["run", name, "--out", str(tmp_path / "run"), *words], standalone_mode=False)
    record = RunRecord.read(tmp_path / "run" / "adapter" / "run.json")
    verify(tmp_path / "run" / "adapter", record.digest)
    assert record.name == name.split("/")[0]
    assert record.recipe["method"] == recipes.load(name).method
    assert record.metrics["steps"] == 2
    assert record.reload["mean_error"] <= 1e-3
