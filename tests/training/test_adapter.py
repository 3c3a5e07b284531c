"""A job's adapter in service: trained, proved, with canary, card and its name in the manifest."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from specialists.attestation import Canary
from specialists.foundation.errors import ConfigError
from specialists.foundation.records import CANARY, CARD, RUN, Manifest, RunRecord, verify
from training import adapter, recipe, weights
from training.__main__ import WEIGHTS, main

TINY = (
    "data.count=60",
    "data.public=0",
    "watch.count=12",
    "watch.every=4",
    "checkpoint.every=3",
    "learning.steps=8",
    "learning.batch=6",
    "learning.rate=1e-2",
)


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """Weights that hold a base alone."""
    folder = tmp_path_factory.mktemp("weights")
    shutil.copytree(WEIGHTS / "base", folder / "base")
    weights.name_base(folder, RunRecord.read(folder / "base" / RUN))
    return folder


@pytest.fixture(scope="module")
def made(out, tmp_path_factory) -> tuple[Path, RunRecord]:
    """A run stopped by Ctrl-C and gone on with."""
    work = tmp_path_factory.mktemp("work")
    told = recipe.adapter("sentiment", overrides=TINY)

    def say(text: str) -> None:
        if "step 4, watched" in text:
            os.kill(os.getpid(), signal.SIGINT)

    assert adapter.make(told, work, None, out, command="the command", say=say) is None
    assert not (out / "sentiment").exists()
    with pytest.raises(ConfigError, match="go on with --resume"):
        adapter.make(told, work, None, out, command="the command")
    record = adapter.make(told, work, None, out, command="the command", resume=True)
    assert record is not None
    return work, record


def test_it_is_recorded_named_and_verifies(made, out) -> None:
    record = RunRecord.read(out / "sentiment" / RUN)
    assert record == made[1]
    verify(out / "sentiment", record.digest)
    assert Manifest.read(out / weights.MANIFEST).adapters["sentiment"].digest == record.digest
    assert record.base == RunRecord.read(WEIGHTS / "base" / RUN).digest
    assert record.reload["mean_error"] <= 1e-3
    assert record.metrics["steps"] == 8


def test_nothing_in_it_says_where_it_was_made(made, out) -> None:
    assert made[1].recipe["base"]["source"] == ""
    assert made[1].recipe_digest == recipe.adapter("sentiment", overrides=TINY).digest
    for path in (out / "sentiment").glob("*.*"):
        assert str(out).encode() not in path.read_bytes()
        assert str(made[0]).encode() not in path.read_bytes()


def test_canary_and_card_stand_beside_it(made, out) -> None:
    canary = Canary.read(out / "sentiment" / CANARY)
    assert canary.effect > 0
    card = (out / "sentiment" / CARD).read_text("utf-8")
    assert "# finroute sentiment" in card
    assert "the command" in card


def test_made_again_it_is_the_same(made, out) -> None:
    """From the finished run where it is resumed, from the start where it is not."""
    work, record = made
    told = recipe.adapter("sentiment", overrides=TINY)
    for resume in (True, False):
        shutil.rmtree(out / "sentiment")
        again = adapter.make(told, work, None, out, command="the command", resume=resume)
        assert again is not None
        assert again.digest == record.digest


def test_without_a_base_it_says_so(tmp_path) -> None:
    words = ["sft", "sentiment", "--work", str(tmp_path), "--out", str(tmp_path)]
    from training.allocator import SETTINGS

    done = CliRunner().invoke(main, words, env=SETTINGS)
    assert done.exit_code == 2
    assert "finroute train pretrain" in done.output
