"""What was saved is what was trained, or the run fails."""

from __future__ import annotations

import json
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from specialists.foundation.errors import ConfigError, RecordError
from specialists.foundation.records import artefact_digest
from training.tuning import faithful, loading
from training.tuning.dialogues import Dialogue
from training.tuning.loading import Student

run = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("tuned_run.py"))))


@pytest.fixture(scope="module")
def base(tiny_base, tmp_path_factory) -> Path:
    """One of our own, that may be altered."""
    folder = tmp_path_factory.mktemp("faithful") / "base"
    shutil.copytree(tiny_base, folder)
    return folder


@pytest.fixture(scope="module")
def said(dialogues) -> list[Dialogue]:
    return [Dialogue(d) for d in dialogues[:60]]


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def trained(request, base, said, tmp_path_factory) -> tuple[Student, Path]:
    """A student, and the folder that its adapter was saved to."""
    out = tmp_path_factory.mktemp("trained") / "run"
    made = run.recipe(base, [f"base.dtype={request.param}", "learning.steps=4"])
    work = run.shop(made, out)
    assert run.learn(work, said)
    return work.student, out / "adapter"


@pytest.fixture
def altered(trained, tmp_path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """A copy of the adapter with its tensors changed."""

    def alter(change: Callable[[dict[str, Any]], None]) -> Path:
        folder = tmp_path / "adapter"
        shutil.copytree(trained[1], folder)
        tensors = load_file(folder / "adapter_model.safetensors")
        change(tensors)
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        return folder

    return alter


def test_saved_and_loaded_it_gives_the_trainers_log_probabilities(trained, said) -> None:
    student, folder = trained
    dtypes = {p.dtype for p in student.model.parameters()}
    found = faithful.check(student, folder, said[:8])
    assert found["mean_error"] <= 1e-5
    assert found["served_error"] <= 1e-5
    assert found["dialogues"] == 8
    assert found["tokens"] > 8 * 5
    assert {p.dtype for p in student.model.parameters()} == dtypes, "as it was"


def test_the_check_reads_what_was_learned_and_not_the_base(trained, said) -> None:
    student, _ = trained
    rendered = [faithful.render(student.tokenizer, d) for d in said[:8]]
    with faithful.in_float32(student.model):
        tuned = faithful.logprobs(student.model, rendered)
        with student.model.disable_adapter():
            plain = faithful.logprobs(student.model, rendered)
    assert faithful.difference(tuned, plain) > faithful.TOLERANCE


def test_an_adapter_with_other_weights_fails(trained, said, altered) -> None:
    def change(tensors: dict[str, Any]) -> None:
        name = next(n for n in sorted(tensors) if "lora_B" in n)
        tensors[name] = torch.randn_like(tensors[name])

    with pytest.raises(RecordError, match="not the trained one: loaded again"):
        faithful.check(trained[0], altered(change), said[:8])


def test_an_adapter_that_is_no_number_fails(trained, said, altered) -> None:
    def change(tensors: dict[str, Any]) -> None:
        tensors[min(tensors)][0] = float("nan")

    with pytest.raises(RecordError, match="nan nats"):
        faithful.check(trained[0], altered(change), said[:8])


def test_an_adapter_with_another_scale_fails(trained, said, altered) -> None:
    folder = altered(lambda tensors: None)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(config | {"lora_alpha": config["lora_alpha"] * 4}), "utf-8")
    with pytest.raises(RecordError, match="not the trained one"):
        faithful.check(trained[0], folder, said[:8])


def test_a_base_that_changed_on_disk_fails(trained, said, base) -> None:
    student, folder = trained
    path = base / "model.safetensors"
    before = path.read_bytes()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    try:
        with pytest.raises(RecordError, match="files of the base"):
            faithful.check(student, folder, said[:8])
    finally:
        path.write_bytes(before)
    assert artefact_digest(base) == student.digest


def test_a_base_that_moved_in_memory_fails(trained, said) -> None:
    student, folder = trained
    layer = next(m for n, m in student.model.named_modules() if n.endswith("q_proj.base_layer"))
    before = layer.weight.data.clone()
    layer.weight.data[0, 0] += 0.25
    try:
        with pytest.raises(RecordError, match=r"in memory.*layers\.0\.self_attn\.q_proj"):
            faithful.check(student, folder, said[:8])
    finally:
        layer.weight.data = before


def test_nothing_to_read_is_no_proof(trained, said) -> None:
    with pytest.raises(ConfigError, match="needs a dialogue"):
        faithful.check(*trained, [])


def test_a_base_of_another_architecture_is_checked_without_the_engine(trained, said) -> None:
    student, _ = trained
    assert faithful.served_here(student, said)
    shown = Dialogue(said[0].messages, tools=(run.jobs.task("table_qa"),))  # type: ignore[arg-type]
    assert not faithful.served_here(student, [shown])


def test_training_leaves_the_base_alone(trained, base) -> None:
    student, _ = trained
    plain = loading.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with faithful.in_float32(student.model):
        assert not faithful.differing(student.model, plain)
    assert artefact_digest(base) == student.digest
