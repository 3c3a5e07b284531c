"""The classifier over the sentence encoder: marked words, and files that are not right."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from specialists.engines import encoder
from specialists.engines.classifier import SETTINGS, WEIGHTS, Classifier, Settings, pooled
from specialists.foundation.errors import EngineError


def test_marked_tokens_are_read_apart() -> None:
    hidden = torch.tensor([[[1.0], [2.0], [6.0], [9.0]]])
    ids, mask = torch.tensor([[5, 7, 5, 0]]), torch.tensor([[True, True, True, False]])
    assert pooled(hidden, ids, mask, 7).tolist() == [[3.0, 2.0]]
    assert pooled(hidden, ids, mask, 5).tolist() == [[3.0, 3.5]]
    assert pooled(hidden, ids, mask, 8).tolist() == [[3.0, 3.0]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that finds the marked word's first part large or small."""
    if encoder.installed() is None:
        pytest.skip("the sentence encoder is not installed")
    out = tmp_path_factory.mktemp("classifier")
    generator = torch.Generator().manual_seed(1)
    head = 0.02 * torch.randn(2, 768, generator=generator)
    inner = "encoder.layer.0.attention.self.query"
    save_file(
        {
            "head": head,
            "bias": torch.zeros(2),
            f"{inner}.A": torch.zeros(2, 384, dtype=torch.bfloat16),
            f"{inner}.B": torch.zeros(384, 2, dtype=torch.bfloat16),
        },
        out / WEIGHTS,
    )
    settings = Settings(
        labels=("no", "yes"), mark="alpha", longest=16, scale=2.0, encoder=encoder.SHA256
    )
    (out / SETTINGS).write_text(settings.model_dump_json(), encoding="utf-8")
    return out


def test_a_batch_tells_what_single_texts_tell(folder: Path) -> None:
    classifier = Classifier.load(folder)
    texts = ["alpha falls", "beta falls while alpha rises on strong demand", "shares fall"]
    together = classifier.read(texts)
    assert together.sum(1) == pytest.approx([1, 1, 1], abs=1e-5)
    for text, row in zip(texts, together, strict=True):
        assert classifier.read([text])[0] == pytest.approx(row, abs=1e-4)
    swapped = classifier.read(["alpha falls while beta rises on strong demand"])[0]
    assert abs(swapped - together[1]).max() > 1e-3


def test_another_encoder_is_refused(folder: Path, tmp_path: Path) -> None:
    settings = Settings.model_validate_json((folder / SETTINGS).read_bytes())
    (tmp_path / SETTINGS).write_text(
        settings.model_copy(update={"encoder": "0" * 64}).model_dump_json(), encoding="utf-8"
    )
    with pytest.raises(EngineError, match="another encoder"):
        Classifier.load(tmp_path)


def test_a_damaged_file_is_an_engine_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_bytes((folder / SETTINGS).read_bytes())
    (tmp_path / WEIGHTS).write_bytes(b"no tensors")
    with pytest.raises(EngineError, match="cannot read"):
        Classifier.load(tmp_path)
