"""The sentence encoder: the published weights and no others, and transformers' own vectors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from specialists.engines import encoder
from specialists.foundation.errors import EngineError

TEXTS = [
    "how fast did revenue of Alpha Corp grow from 2019 to 2021 ?",
    "What is the tone of the news about Beta Inc?",
    "the press",
]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A tiny BERT as sentence-transformers would save it, with random weights."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertModel

    words = sorted({word for text in TEXTS for word in text.split()})
    tokenizer = Tokenizer(
        WordLevel({"[PAD]": 0, "[UNK]": 1} | {w: i for i, w in enumerate(words, 2)}, "[UNK]")
    )
    tokenizer.pre_tokenizer = Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words) + 2,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    return tmp_path


def reference(folder: Path, texts: list[str]) -> np.ndarray:
    """The same by transformers, one text at a time: mean of the states, length one."""
    from tokenizers import Tokenizer
    from transformers import BertModel

    model = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    rows: list[np.ndarray] = []
    with torch.inference_mode():
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])
            state = model(ids).last_hidden_state[0].mean(0)
            rows.append((state / state.norm()).numpy())
    return np.stack(rows)


def test_vectors_are_those_of_transformers_whatever_the_batch(small: Path):
    made = encoder.load(small, batch=2)
    vectors = made.encode(TEXTS)
    assert vectors.shape == (3, 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, reference(small, TEXTS), atol=2e-5)
    np.testing.assert_allclose(made.encode(TEXTS[2:]), vectors[2:], atol=2e-5)
    assert made.encode([]).shape == (0, 32)


def test_a_text_is_read_up_to_the_encoders_length(small: Path):
    made = encoder.load(small)
    long = " ".join(["revenue"] * 200)
    np.testing.assert_allclose(
        made.encode([long]), made.encode([" ".join(["revenue"] * 16)]), atol=1e-6
    )


def test_pooling_may_be_the_first_token(small: Path):
    mean = encoder.load(small).encode(TEXTS)
    (small / "1_Pooling").mkdir()
    (small / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    assert np.abs(encoder.load(small).encode(TEXTS) - mean).max() > 0.01


def test_another_model_than_the_published_one_is_refused(
    small: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(encoder, "installed", lambda: small)
    with pytest.raises(EngineError, match="is not all-MiniLM-L6-v2 as published"):
        encoder.load()


def test_where_it_is_missing_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encoder, "installed", lambda: None)
    with pytest.raises(EngineError, match=r"finroute\[embedded\]"):
        encoder.load()


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_folder_is_an_engine_error(small: Path, file: str):
    (small / file).write_bytes(b"not this")
    with pytest.raises(EngineError, match="cannot read the sentence encoder"):
        encoder.load(small)


def test_a_folder_without_weights_is_no_encoder(small: Path):
    (small / "model.safetensors").unlink()
    with pytest.raises(EngineError, match="not a sentence encoder"):
        encoder.load(small)


def test_a_missing_weight_is_named(small: Path):
    config = json.loads((small / "config.json").read_text())
    (small / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(EngineError, match=r"lacks 'encoder\.layer\.2"):
        encoder.load(small)


@pytest.mark.skipif(encoder.installed() is None, reason="the encoder's package is not installed")
def test_the_published_encoder_brings_like_questions_together(tmp_path: Path):
    made = encoder.load()
    vectors = made.encode([*TEXTS[:2], "by what percentage did the sales of Gamma Ltd rise ?"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = vectors @ vectors[2]
    assert cosines[0] > cosines[1] + 0.2
    folder = encoder.installed()
    assert folder is not None
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert encoder.load(copy).digest == made.digest == encoder.SHA256
