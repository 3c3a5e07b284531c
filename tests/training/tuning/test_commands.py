"""`finroute train run` and `ls`: what is parsed, told and refused before anything heavy is loaded,
and one real run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from specialists.foundation.errors import ConfigError
from specialists.foundation.records import RunRecord, verify
from training import allocator
from training.__main__ import main
from training.tuning import commands
from training.tuning.recipe import load, names

SHORT = (
    *("data.count=24", "watch.count=6", "data.length=200", "learning.batch=4"),
    *("learning.steps=2", "watch.every=10"),
)


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FINROUTE_DATA", raising=False)
    for name, value in allocator.SETTINGS.items():  # else the test's process would start anew
        monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(main, words, catch_exceptions=False)


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("run", "--help"),
        ("run", "table_qa/grpo/qwen3-4b", "--dry-run", "--grpo.group", "4"),
        ("run", "no/such/recipe"),
        ("ls", "--json"),
    ],
)
def test_words_are_answered_without_a_model_library(words: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom training.__main__ import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'peft', 'trl', 'ray', 'datasets', 'accelerate'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert ran.stderr.splitlines()[-1] == "[]"


def test_a_dry_run_prints_a_recipe_that_is_the_same_again(
    train: Callable[..., Result], tmp_path: Path
) -> None:
    for name in ("table_qa/grpo_dapo/qwen3-4b", "sentiment/sft/embedded"):
        printed = train("run", name, "--dry-run", "--learning.rate", "3e-5", "seed=7").output
        path = tmp_path / "again.toml"
        path.write_text(printed)
        assert load(path) == load(name, ["learning.rate=3e-5", "seed=7"])
        assert tomllib.loads(printed)["learning"]["rate"] == 3e-5
        assert "# in all " in printed
        assert "# memory " in printed


def test_a_dry_run_estimates_for_the_device_named(train: Callable[..., Result]) -> None:
    said = train("run", "table_qa/grpo/qwen3-4b", "--dry-run", "--device", "l4").output
    assert "# on l4 at 0.8 dollars an hour each:" in said
    assert "# it does not fit; it would with" in said
    priced = train(
        *("run", "table_qa/grpo/qwen3-4b", "--dry-run", "--device", "2xh200", "--price", "9")
    ).output
    assert "# on 2 × h200 at 9 dollars an hour each:" in priced
    assert "it does not fit" not in priced
    refused = train("run", "table_qa/grpo/qwen3-4b", "--dry-run", "--device", "abacus")
    assert refused.exit_code == 2
    assert "no device 'abacus': there are cpu-2" in refused.stderr


def test_keys_are_set_in_three_ways() -> None:
    said = ("--learning.rate", "1e-3", "seed=5", "--seeds.init=-1", "--grpo.beta", "-0")
    assert commands.assignments(said) == (
        *("learning.rate=1e-3", "seed=5", "seeds.init=-1", "grpo.beta=-0"),
    )
    with pytest.raises(ConfigError, match=r"--learning.rate needs a value"):
        commands.assignments(("--learning.rate",))
    with pytest.raises(ConfigError, match=r"--learning.rate needs a value"):
        commands.assignments(("--learning.rate", "--seed=4"))
    with pytest.raises(click.NoSuchOption, match="No such option '--resum'") as caught:
        commands.assignments(("--resum",))
    assert "--resume" in (caught.value.possibilities or ())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sentiment/sft/embeded",), "'embeded' is not among the bases embedded, qwen3"),
        (("mine.toml",), "cannot read the recipe mine.toml"),
        (("sentiment/sft/embedded", "--learning.rat", "1"), "unknown key; the keys here are steps"),
        (
            ("sentiment/sft/embedded", "learning.rate=fast"),
            "learning.rate: Input should be a valid",
        ),
        (("sentiment/sft/embedded", "fast"), "an override is written key.sub=value, not 'fast'"),
        (("sentiment/sft/embedded", "--fast"), "No such option '--fast'"),
        (("sentiment/grpo/embedded", "grpo.group=7"), "must hold whole groups"),
        (("sentiment/sft/embedded", "--resume", "--again"), "give one"),
        (("sentiment/sft/embedded", "--resume"), "holds no run to go on with"),
        (("sentiment/sft/embedded", "--on", "moon"), "'moon' is not one of"),
    ],
)
def test_what_is_wrong_is_told_at_once(
    train: Callable[..., Result], words: tuple[str, ...], told: str
) -> None:
    ran = train("run", *words)
    assert ran.exit_code == 2
    assert told in ran.stderr
    assert not Path("runs").exists(), "nothing was begun"


def test_a_folder_with_a_run_is_kept(train: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "done" / "adapter").mkdir(parents=True)
    (tmp_path / "done" / "adapter" / "run.json").write_text("{}")
    ran = train("run", "sentiment/sft/embedded", "--out", "done")
    assert ran.exit_code == 2
    assert "done holds a finished run; --again makes it anew" in ran.stderr
    (tmp_path / "half" / "checkpoints" / "checkpoint-3").mkdir(parents=True)
    ran = train("run", "sentiment/sft/embedded", "--out", "half")
    assert ran.exit_code == 2
    assert "half holds a run that was not finished: --resume goes on with it" in ran.stderr


def test_recipes_are_listed_with_what_they_take(train: Callable[..., Result]) -> None:
    every = json.loads(train("ls", "--json").output)
    assert {row["recipe"] for row in every} == set(names())
    assert {row["device"] for row in every} == {"cpu-2", "h100-80gb"}
    some = train("ls", "table_qa", "--base", "qwen3-4b", "--device", "l4").output
    assert "table_qa · qwen3-4b on l4" in some
    assert "! does not fit" in some
    assert "embedded" not in some
    assert max(len(line) for line in some.splitlines() if "/" in line) <= 80
    for words, told in ((("--base", "gpt"), "no base 'gpt'"), (("poetry",), "no job 'poetry'")):
        ran = train("ls", *words)
        assert ran.exit_code == 2
        assert told in ran.stderr


def test_a_run_from_its_command_to_its_record(
    train: Callable[..., Result], base: Path, tmp_path: Path
) -> None:
    words = ("run", "sentiment/sft/embedded", "--base.source", str(base), *SHORT)
    ran = train(*words)
    assert ran.exit_code == 0, ran.output
    folder = tmp_path / "runs" / "sentiment-sft-embedded" / "seed-11"
    record = RunRecord.read(folder / "adapter" / "run.json")
    verify(folder / "adapter", record.digest)
    assert record.method == "sft"
    assert record.command.startswith("finroute train run sentiment/sft/embedded base.source=")
    made = load("sentiment/sft/embedded", [f"base.source={base}", *SHORT])
    assert record.recipe_digest == made.digest
    assert record.seeds == {"order": 11, "init": 11, "sampler": 11, "data": 12}
    assert set(record.digests) == {"data", "tokenizer", "chat_template", "prompts"}
    assert record.reload["mean_error"] <= 1e-3
    assert record.environment["versions"]["trl"]
    spent = record.spent
    assert (spent["device"], spent["units"]) == ("cpu-2", 1)
    assert spent["device_hours"] == pytest.approx(record.seconds / 3600, abs=1e-4)
    assert set(record.estimate["ratio"]) == {"tokens", "seconds"}
    assert record.estimate["actual"]["tokens"] == record.metrics["tokens"]
    assert "against the estimate: tokens" in ran.output
    refused = train(*words)
    assert refused.exit_code == 2
    assert "holds a finished run" in refused.stderr
    again = train(*words, "--again", "--device", "cpu-2", "--price", "36")
    assert again.exit_code == 0, again.output
    anew = RunRecord.read(folder / "adapter" / "run.json")
    assert anew.digest == record.digest, "the same recipe makes the same adapter"
    assert anew.spent["usd"] == pytest.approx(anew.seconds / 100, abs=1e-2)


def test_ctrl_c_says_how_to_go_on(train: Callable[..., Result], base: Path, tmp_path: Path) -> None:
    words = [
        *("run", "sentiment/sft/embedded", "--out", str(tmp_path / "out")),
        *("--base.source", str(base), *SHORT, "learning.steps=12"),
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "training", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if "step 0, watched" in line:
                process.send_signal(signal.SIGINT)
                break
        rest, errors = process.stdout.read(), process.stderr.read()
    assert process.returncode == 130, errors
    assert "stopping after this step" in rest
    said = errors.strip().splitlines()[-1]
    assert said.startswith("interrupted; go on with: finroute train run sentiment/sft/embedded")
    assert said.endswith("--resume")
    resumed = train(*said.split("finroute train ")[1].split())
    assert resumed.exit_code == 0, resumed.output
    assert "going on from checkpoint-" in resumed.output
    record = RunRecord.read(tmp_path / "out" / "adapter" / "run.json")
    assert record.metrics["steps"] == 12
