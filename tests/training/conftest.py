"""A tiny corpus and a tiny base, made through the real code once for all training tests."""

import random
from pathlib import Path

import pytest

from specialists.engines.template import chat_template
from specialists.foundation.contracts import Message, ToolCall
from training import base, corpus, tokenizer
from training.batches import Tokens
from training.pretrain import build
from training.recipe import BaseRecipe

SCAFFOLD = '{"name": "sql", "arguments": {"query": "'
TINY = [
    "model.layers=2",
    "model.width=64",
    "model.heads=2",
    "model.kv_heads=2",
    "model.head=32",
    "model.inner=128",
    "shares={table_qa=1.0}",
    "lengths=[64, 96]",
    "batch=1024",
    "accumulate=1",
    "tokens=60_000",
    "compile=false",
    "threads=1",
    "log_every=1000",
    "watch_every=1000",
    "watch_count=20",
]


def dialogue(rng: random.Random) -> tuple[Message, ...]:
    """A question about a table, its call, its answer: the shape of real ones."""
    e, c, p = (f"<{kind}{rng.randint(1, 9)}>" for kind in "ecp")
    question = rng.choice((f"what was {c} of {e} in {p} ?", f"tell me the {c} {e} had during {p}"))
    query = f"SELECT {c} FROM <t1> WHERE {e} AND {p}"
    return (
        Message(role="system", content="table_qa"),
        Message(role="user", content=question),
        Message(
            role="assistant",
            tool_calls=(ToolCall(id="1", name="sql", arguments={"query": query}),),
        ),
        Message(role="tool", content="<n1>", tool_call_id="1", name="sql"),
        Message(role="assistant", content='{"value": "<n1>"}'),
    )


@pytest.fixture(scope="session")
def dialogues() -> list[tuple[Message, ...]]:
    rng = random.Random(5)
    return [dialogue(rng) for _ in range(400)]


@pytest.fixture(scope="session")
def tokens_of(dialogues):
    """The tiny tokenizer."""
    bare = tokenizer.bare(chat_template())
    texts = [corpus.render_text(bare, d) for d in dialogues] + ["net sales rose 4 % in 2021"] * 20
    return tokenizer.train(
        texts, vocabulary=640, scaffolding=[SCAFFOLD], chat_template=chat_template()
    )


@pytest.fixture(scope="session")
def tiny(dialogues, tokens_of):
    """Recipe, training tokens and development tokens."""
    sequences = [corpus.render(tokens_of, d) for d in dialogues]
    return BaseRecipe.load(None, TINY), Tokens.of(sequences[:360]), Tokens.of(sequences[360:])


@pytest.fixture
def fresh(tiny, tokens_of):
    """A function that makes the same untrained tiny model each time."""
    import torch

    def make():
        torch.manual_seed(0)
        recipe = tiny[0]
        return build(
            recipe.model,
            len(tokens_of),
            end=tokens_of.eos_token_id,
            pad=tokens_of.pad_token_id,
        )

    return make


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory, tiny, tokens_of) -> Path:
    """A briefly trained base on disk, as serving reads it."""
    import torch

    from training.pretrain import Pretraining

    recipe, train, dev = tiny
    torch.manual_seed(0)
    out = tmp_path_factory.mktemp("pretraining")
    model = build(
        recipe.model, len(tokens_of), end=tokens_of.eos_token_id, pad=tokens_of.pad_token_id
    )
    run = Pretraining(recipe, model, {"table_qa": train}, {"table_qa": dev}, out, lambda _: None)
    assert run.run()
    folder = out / "base"
    base.save(run.model, tokens_of, folder)
    return folder
