"""The second reader is trained, saved and read back by the engine that serves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from specialists.engines import encoder
from specialists.engines.classifier import Classifier
from specialists.foundation.digests import file_digest
from specialists.foundation.records import RUN, RunRecord
from specialists.sentiment.check import LABELS
from specialists.sentiment.render import SentimentInputs
from specialists.sentiment.votes import Reader
from training.recipe import headlines


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if encoder.installed() is None:
        pytest.skip("the sentence encoder is not installed")
    from training.headlines import train

    out = tmp_path_factory.mktemp("weights") / "headlines"
    recipe = headlines(None, ("generated=64", "epochs=1", "rank=4", "alpha=8", "bf16=false"))
    found = train(None, out, recipe=recipe, say=lambda _: None, command="finroute train headlines")
    assert found["steps"] == 2
    return out


def test_its_record_names_the_encoder_and_what_was_read_back(made: Path) -> None:
    record = RunRecord.read(made / RUN)
    assert record.base == encoder.SHA256
    assert record.data["generated"] == 64
    assert record.reload["largest_difference"] < 0.02
    assert record.files["classifier.safetensors"] == file_digest(made / "classifier.safetensors")


def test_what_was_trained_votes(made: Path) -> None:
    reader = Reader(made)
    inputs = [SentimentInputs(text=f"Acme {verb}", entity="Acme") for verb in ("rises", "falls")]
    votes = reader.votes(inputs)
    assert votes is not None
    for vote in votes:
        assert set(vote) == set(LABELS)
        assert sum(vote.values()) == pytest.approx(1, abs=1e-5)
    assert Classifier.load(made).settings.labels == LABELS
