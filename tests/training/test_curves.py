"""Learning curves: which runs, which frames, and the whole way at a tiny budget."""

import itertools
import json

import pytest

from specialists.foundation.errors import ConfigError
from training import corpus, curves, jobs, tokenizer
from training.recipe import ModelRecipe

TEMPLATES = [f"planning-{kind}:{n:08x}" for kind in ("get", "growth", "top") for n in range(20)]


def test_frames_are_spread_over_kinds_and_fewer_are_among_more():
    few, more = curves.chosen(TEMPLATES, 6), curves.chosen(TEMPLATES, 30)
    assert few < more < curves.chosen(TEMPLATES, 0) == set(TEMPLATES)
    kinds = [template.partition(":")[0] for template in few]
    assert sorted(kinds) == sorted(["planning-get", "planning-growth", "planning-top"] * 2)


def test_every_size_and_every_number_of_frames_is_run_once():
    names = [run.name for run in curves.runs(curves.CurvesRecipe())]
    assert names[:2] == ["4M-all", "4M-40"]
    assert sorted(names) == sorted(
        ["4M-40", "4M-150", "4M-600", "4M-all", "1M-all", "2M-all", "8M-all"]
    )


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A work folder as making the corpus leaves it, small; models of the smallest shape."""
    examples = list(itertools.islice(jobs.task("planning").examples("train", 60, 3), 60))
    folder = tmp_path / "dialogues" / "planning"
    folder.mkdir(parents=True)
    rows = [
        {
            "template": e.template,
            "messages": [m.model_dump(mode="json", exclude_defaults=True) for m in e.dialogue],
        }
        for e in examples
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\n"
    (folder / "train-0000.jsonl").write_text(text, encoding="utf-8")
    from specialists.engines.template import chat_template

    bare = tokenizer.bare(chat_template())
    texts = [corpus.render_text(bare, e.dialogue) for e in examples]
    made = tokenizer.train(texts, vocabulary=900, scaffolding=[], chat_template=chat_template())
    made.save_pretrained(tmp_path / "tokenizer")
    shape = ModelRecipe(layers=1, width=64, heads=1, kv_heads=1, inner=64)
    monkeypatch.setitem(curves.SHAPES, "1M", shape)
    return tmp_path


TINY = curves.CurvesRecipe(
    frames=(5, 0), shape="1M", shapes=(), tokens=12_000, seconds=30, heldout=12
)


def test_each_run_leaves_a_row_and_is_not_made_again(work, tmp_path):
    out = tmp_path / "results" / "curves.jsonl"
    curves.make(TINY, work, out, lambda _: None)
    rows = curves.read(out)
    assert [row["name"] for row in rows] == ["1M-all", "1M-5"]
    assert rows[1]["frames"] == 5
    assert rows[1]["questions"] < rows[0]["questions"]
    for row in rows:
        assert row["tokens"] >= 12_000
        assert 0 <= row["exact"] <= 1
        assert row["readings"][-1]["loss"] == row["loss"]
    curves.make(TINY, work, out, lambda said: pytest.fail(said))
    assert curves.read(out) == rows


def test_without_a_corpus_it_says_what_is_missing(tmp_path):
    with pytest.raises(ConfigError, match="make the corpus first"):
        curves.make(TINY, tmp_path, tmp_path / "curves.jsonl", lambda _: None)
