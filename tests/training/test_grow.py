"""A base that grows says at first what it said before, and learns with its new layers."""

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, Qwen3ForCausalLM

from specialists.foundation.errors import ConfigError
from training import base, grow
from training.recipe import BaseRecipe, ModelRecipe

SHAPE = {"width": 64, "heads": 2, "kv_heads": 2, "head": 32, "inner": 128}


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_it_says_what_it_said(tiny_base: Path, layers: int) -> None:
    old = Qwen3ForCausalLM.from_pretrained(tiny_base, dtype=torch.float32).eval()
    new = grow.grown(tiny_base, ModelRecipe(layers=layers, **SHAPE)).eval()
    assert new.config.num_hidden_layers == len(new.model.layers) == layers
    ids = torch.randint(0, old.config.vocab_size, (2, 40))
    with torch.no_grad():
        assert torch.allclose(new(ids).logits, old(ids).logits, atol=1e-4)
    assert sum(p.numel() for p in new.parameters()) >= sum(p.numel() for p in old.parameters())
    assert new.lm_head.weight is new.model.embed_tokens.weight


def test_the_new_layers_learn(tiny_base: Path) -> None:
    new = grow.grown(tiny_base, ModelRecipe(layers=4, **SHAPE))
    ids = torch.randint(0, new.config.vocab_size, (2, 20))
    new(ids, labels=ids).loss.backward()
    silent = new.model.layers[1].self_attn.o_proj.weight
    assert not silent.any()
    assert silent.grad is not None
    assert silent.grad.any()


@pytest.mark.parametrize(
    ("shape", "wrong"),
    [({"layers": 1}, "this one has 2 layers"), ({"layers": 4, "width": 128}, "width = 64")],
)
def test_other_shapes_are_refused(tiny_base: Path, shape: dict[str, int], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        grow.grown(tiny_base, ModelRecipe(**{**SHAPE, **shape}))


def test_pretraining_goes_on_from_a_base(tiny_base: Path, tmp_path: Path) -> None:
    recipe = BaseRecipe.load(
        None,
        [
            f"grown_from={tiny_base}",
            "model.layers=3",
            *(f"model.{name}={value}" for name, value in SHAPE.items()),
            "corpus.jobs=['maths']",
            "corpus.train=120",
            "corpus.dev=20",
            "corpus.copying=8",
            "corpus.processes=1",
            "shares={maths=1.0}",
            "batch=1024",
            "accumulate=1",
            "tokens=6_000",
            "compile=false",
            "threads=1",
            "watch_count=5",
        ],
    )
    quiet = str.strip
    base.prepare(recipe, tmp_path / "work", None, quiet)
    run = base.learn(recipe, tmp_path / "work", None, say=quiet)
    assert run is not None
    record = base.publish(run, recipe, tmp_path / "work", None, tmp_path / "out", command="")
    made = tmp_path / "out" / "base"
    assert record.recipe["grown_from"] == str(tiny_base)
    ours, theirs = (AutoTokenizer.from_pretrained(f).get_vocab() for f in (made, tiny_base))
    assert ours == theirs
    assert Qwen3ForCausalLM.from_pretrained(made).config.num_hidden_layers == 3


def test_no_base_to_grow_from_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no base"):
        grow.source(str(tmp_path))
