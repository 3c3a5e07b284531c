"""Public headlines: parts that share nothing, and a fifth that is never read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from specialists.sentiment.loaders import apart_from, load, residue
from specialists.sentiment.task import SentimentTask

TASK = SentimentTask()


@pytest.fixture
def data() -> Path:
    root = os.environ.get("FINROUTE_DATA")
    if not root or not Path(root, "sentfin").is_dir():
        pytest.skip("FINROUTE_DATA does not point to the public data")
    return Path(root)


def write(root: Path, rows: list[tuple[str, dict[str, str]]]) -> None:
    (root / "sentfin").mkdir()
    lines = [json.dumps({"id": n, "title": t, "entities": e}) for n, (t, e) in enumerate(rows)]
    (root / "sentfin" / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_near_duplicates_are_dropped() -> None:
    known = ["Gold slips 0.4% on weak demand in early trade today", "Infosys names new CFO"]
    texts = [
        "Gold slips 1.2% on weak demand in early trade today",
        "Gold slips on weak demand today , early trade in",
        "Infosys names old CEO",
        "Silver climbs on firm demand in late trade today",
    ]
    assert apart_from(texts, known) == texts[2:]


def test_each_part_holds_its_own_residues(tmp_path: Path) -> None:
    titles = [f"Acme headline number {n} about {chr(97 + n % 26) * 9}" for n in range(60)]
    write(tmp_path, [(t, {"Acme": "positive", "Nobody": "negative"}) for t in titles])
    train = [e.inputs.text for e in load(TASK, tmp_path, "train", ["sentfin"])]
    test = [e.inputs.text for e in load(TASK, tmp_path, "test", ["sentfin"])]
    dev = [e.inputs.text for e in load(TASK, tmp_path, "dev", ["sentfin"])]
    assert {residue(t) for t in train} == {2, 3, 4}
    assert {residue(t) for t in dev} <= {4}
    assert not set(dev) & set(train)
    assert {residue(t) for t in test} <= {1}
    assert not any(e.inputs.entity == "Nobody" for e in load(TASK, tmp_path, "train", ["sentfin"]))


def test_a_missing_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(load(TASK, tmp_path, "train"))


def test_real_parts_are_apart_and_read_back(data: Path) -> None:
    train, dev, test = (list(load(TASK, data, part)) for part in ("train", "dev", "test"))
    assert len(train) > 14_000
    assert len(dev) > 800
    assert len(test) > 4_000
    for one, other in ((train, test), (train, dev), (dev, test)):
        assert {e.inputs.text for e in one}.isdisjoint(e.inputs.text for e in other)
    assert {e.fold for e in train} == {"train"}
    assert all(residue(e.inputs.text) == 1 for e in test)
    for example in (*train[::50], *test[::50]):
        answer = TASK.begin(example.inputs).answer(example.dialogue[-1].content)
        assert TASK.score(example, answer).right
        assert TASK.validate(example.inputs, answer, ()) == []
