"""Recipes for hub bases: each resolves without a model library or a network, and each method runs
on a locally made base of the same architecture, tokens and chat template."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from specialists.engines.local import LocalEngine
from specialists.engines.text import Text
from specialists.foundation.contracts import Sampling
from specialists.foundation.errors import ConfigError, EngineError
from specialists.foundation.records import RunRecord
from training import jobs
from training.tuning import likeness, recipe, run, template

BASES = {"qwen3-0.6b": "Qwen/Qwen3-0.6B", "qwen3-4b": "Qwen/Qwen3-4B-Instruct-2507"}
SHORT = (
    "data.count=12",
    "watch.count=4",
    "watch.every=2",
    "learning.batch=4",
    "learning.accumulate=1",
    "learning.steps=2",
    "learning.rate=1e-3",
    "learning.warmup=0",
    "learning.bf16=false",
    "checkpoint.every=2",
    "base.dtype=float32",
    "base.device=cpu",
    "rollout.reply=12",
    "rollout.tokens=40",
)

DRY = """
import socket, sys
def refuse(*_, **__): raise AssertionError("a dry run went to the network")
socket.socket.connect = refuse
from click.testing import CliRunner
from training.__main__ import main
from training.tuning.recipe import names
runner, count = CliRunner(), 0
for name in names():
    if name.endswith("embedded"):
        continue
    done = runner.invoke(main, ["run", name, "--dry-run"], catch_exceptions=False)
    assert done.exit_code == 0, (name, done.output)
    assert "GPU" in done.output or "h100" in done.output.lower(), (name, done.output)
    count += 1
heavy = sorted({"torch", "transformers", "trl", "peft"} & sys.modules.keys())
assert not heavy, heavy
print(count)
"""


def test_every_recipe_for_a_hub_base_passes_its_dry_run():
    done = subprocess.run(
        [sys.executable, "-c", DRY], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    hub = [name for name in recipe.names() if name.rpartition("/")[2] in BASES]
    assert int(done.stdout) == len(hub) >= 100


def make(folder: Path, name: str, source: Path, *overrides: str) -> RunRecord:
    told: list[str] = []
    made = recipe.load(name, (*SHORT, f"base.source={source}", *overrides))
    record = run.make(made, folder, None, say=told.append)
    assert record is not None
    return record


def checked(folder: Path, record: RunRecord, source: Path) -> None:
    """What every run on a hub base leaves behind."""
    assert record.metrics["steps"] == 2
    assert record.reload["mean_error"] <= 1e-3
    ours = template.FOLDER / f"{_stem(source)}.jinja"
    kept = folder / "adapter" / "chat_template.jinja"
    assert kept.read_text(encoding="utf-8") == ours.read_text(encoding="utf-8")
    assert "chat_template.jinja" in record.files
    config = json.loads((folder / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert "/" not in config["base_model_name_or_path"]


def _stem(source: Path) -> str:
    return likeness.ORIGINALS[source.name.replace("--", "/")].template


@pytest.mark.parametrize("base", BASES)
def test_supervised_learning_of_table_questions(base, likenesses, tmp_path):
    """Dialogues with tools in full form: the multi-turn prefix, the tools, the marks."""
    source = likenesses[BASES[base]]
    few = ("data.count=4", "watch.count=2", "learning.batch=2")
    record = make(tmp_path / "run", f"table_qa/sft/{base}", source, *few)
    checked(tmp_path / "run", record, source)


METHODS = {
    "sft": (),
    "self_sft": ("rollout.held=true", "self_sft.samples=4", "rollout.reply=48"),
    "distill": ("teacher.samples=4", "teacher.temperature=1.0", "rollout.reply=48"),
    "distill_online": (),
    "grpo": ("grpo.group=4", "grpo.refill=0"),
    "grpo_placebo": ("grpo.group=4", "grpo.refill=0"),
}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs_on_a_hub_base(method, likenesses, tmp_path):
    """Alternating over the two bases."""
    base = list(BASES)[list(METHODS).index(method) % 2]
    source = likenesses[BASES[base]]
    options = METHODS[method]
    if method.startswith("distill"):
        options = (*options, f"teacher.source={source}", "teacher.form=full")
    record = make(tmp_path / "run", f"sentiment/{method}/{base}", source, *options)
    checked(tmp_path / "run", record, source)
    assert record.method == method


def test_what_was_trained_is_what_is_served(likenesses, tmp_path):
    """The engine opens an adapter's dialogue as it was learned: with the template beside it."""
    source = likenesses["Qwen/Qwen3-0.6B"]
    make(tmp_path / "run", "sentiment/sft/qwen3-0.6b", source)
    engine = LocalEngine.load(source, adapters={"mine": tmp_path / "run" / "adapter"})
    task = jobs.task("sentiment")
    (example,) = task.examples("train", 1, 3)
    messages = task.begin(example.inputs, form="full").messages
    text = Text.load(source)
    dressed = text.render(
        messages, template=(template.FOLDER / "qwen3.jinja").read_text(encoding="utf-8")
    )
    assert text.decode(engine.prompt(messages, (), "mine")) == text.decode(text.encode(dressed))
    assert engine.prompt(messages, (), "mine") == text.encode(dressed)

    async def reply() -> None:
        await engine.chat(messages, adapter="mine", sampling=Sampling(max_tokens=4))
        await engine.aclose()

    asyncio.run(reply())


def test_a_base_whose_template_breaks_turns_is_refused_before_anything(likenesses, tmp_path):
    """Qwen3's own template with a job of several turns: told at once, nothing written but the
    claim."""
    source = likenesses["Qwen/Qwen3-0.6B"]
    with pytest.raises(ConfigError) as caught:
        make(tmp_path / "run", "table_qa/sft/qwen3-0.6b", source, "base.template=own")
    assert "turn 3, the model's, differently" in str(caught.value)
    assert 'base.template = "training"' in str(caught.value)
    assert not (tmp_path / "run" / "adapter").exists()


def test_a_base_that_cannot_be_had_is_told(tmp_path, monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    made = recipe.load("sentiment/sft/qwen3-0.6b", (*SHORT, "base.source=nobody/nothing"))
    with pytest.raises(EngineError, match="not in the local cache"):
        run.make(made, tmp_path / "run", None, say=lambda _: None)


@pytest.mark.parametrize("original", likeness.ORIGINALS)
def test_a_likeness_has_the_originals_proportions(original, likenesses):
    config = json.loads((likenesses[original] / "config.json").read_text(encoding="utf-8"))
    real, small = likeness.ORIGINALS[original].shape, likeness.ORIGINALS[original].small
    assert config["num_attention_heads"] // config["num_key_value_heads"] == (
        real.heads // real.kv_heads
    )
    assert config["num_attention_heads"] * config["head_dim"] > config["hidden_size"]
    assert real.heads * real.head > real.width
    assert config["tie_word_embeddings"]
    assert config["num_hidden_layers"] == small.layers == 2
    assert config["hidden_size"] == small.width == 64
    assert config["vocab_size"] > len(Text.load(likenesses[original]).tokenizer)
    assert (likenesses[original] / "chat_template.jinja").read_text(
        encoding="utf-8"
    ) == likeness.chat_template(original)


def test_there_are_likenesses_of_the_bases_there_are():
    sources = {recipe.load(f"sentiment/sft/{base}").base.source for base in BASES}
    assert sources == set(likeness.ORIGINALS)
    with pytest.raises(ConfigError, match="no likeness"):
        likeness.chat_template("somebody/else")
