"""An adapter trains through TRL, and what is saved is what was trained, or it is refused."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from specialists.foundation.errors import RecordError
from specialists.foundation.records import artefact_digest
from training import adapter, corpus, sft
from training.recipe import AdapterRecipe

RECIPE = AdapterRecipe(
    job="table_qa", rank=4, batch=8, examples=240, watch_every=1000, watch_count=40, threads=1,
    rate=2e-3, seconds=0, bf16=False,
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("default")  # what TRL, peft and torch say of themselves


@pytest.fixture(scope="module")
def trained(tiny_base, dialogues, tmp_path_factory):
    """An adapter run on a base and on what it leaves behind."""
    out = tmp_path_factory.mktemp("adapter")
    before = artefact_digest(tiny_base)
    run = sft.Adapting(RECIPE, tiny_base, dialogues[:240], dialogues[360:], out, lambda _: None)
    metrics = run.run()
    run.save(out / "table_qa")
    return run, metrics, out / "table_qa", before


def test_it_learns(trained):
    _, metrics, _, _ = trained
    assert metrics["readings"][-1]["loss"] < metrics["readings"][0]["loss"]
    assert metrics["examples"] == 240


def test_the_base_is_untouched(trained, tiny_base):
    assert artefact_digest(tiny_base) == trained[3]


def test_only_linear_layers_of_the_blocks_are_adapted(trained):
    tensors = load_file(trained[2] / "adapter_model.safetensors")
    assert tensors
    assert all(".layers." in name and "lora_" in name for name in tensors)
    config = json.loads((trained[2] / "adapter_config.json").read_text())
    assert config["r"] == 4
    assert not config["modules_to_save"]


def test_saved_and_loaded_it_gives_the_trainers_log_probabilities(trained, tiny_base, dialogues):
    run, _, folder, _ = trained
    assert adapter.check_reload(run, tiny_base, folder, dialogues[360:370]) <= 1e-5


def test_a_corrupted_adapter_fails_the_reload_check(trained, tiny_base, dialogues, tmp_path):
    run, _, folder, _ = trained
    bad = tmp_path / "bad"
    shutil.copytree(folder, bad)
    tensors = load_file(bad / "adapter_model.safetensors")
    name = next(n for n in sorted(tensors) if "lora_B" in n)
    tensors[name] = torch.randn_like(tensors[name])
    save_file(tensors, bad / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RecordError, match="not the trained one"):
        adapter.check_reload(run, tiny_base, bad, dialogues[360:370])


def test_trl_reads_the_tokens_that_serving_renders(trained, dialogues, tokens_of):
    run = trained[0]
    columns = run.trainer.train_dataset
    known = {tuple(corpus.render(tokens_of, d)[0]) for d in dialogues[:240]}
    for row in list(columns)[:50]:
        assert tuple(row["input_ids"]) in known


def test_the_loss_counts_replies_alone(trained, tokens_of):
    row = trained[0].trainer.train_dataset[0]
    kept = [i for i, label in zip(row["input_ids"], row["labels"], strict=True) if label != -100]
    text = tokens_of.decode(kept)
    assert text.startswith("<tool_call>")
    assert text.endswith('{"value": "<n1>"}<|im_end|>')


@pytest.mark.asyncio
async def test_the_serving_engine_gives_the_same_log_probabilities(
    trained, tiny_base, dialogues, tokens_of
):
    from training import canaries

    run, _, folder, _ = trained
    chosen = dialogues[360:368]
    served = await canaries.served(tiny_base, folder, "table_qa", chosen)
    trainers = sft.reply_logprobs(run.model, run.tokenizer, chosen)
    for mine, theirs in zip(served, trainers, strict=True):
        assert len(mine) >= 1
        gap = [abs(a - b) for a, b in zip(mine, theirs[-len(mine) :], strict=True)]
        assert sum(gap) / len(gap) < 1e-3
