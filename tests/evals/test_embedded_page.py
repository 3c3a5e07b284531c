from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evals import embedded, failures, figures, measures
from evals.calibrating import Rehearsal, keep
from evals.exam import Sat, margins, show
from evals.examining import Report
from evals.failures import Failure, Failures
from specialists.foundation.errors import ConfigError, InputError
from specialists.foundation.records import (
    CALIBRATION,
    Assurance,
    Calibration,
    Logistic,
    Manifest,
    Reliability,
    Threshold,
)
from specialists.weights import WEIGHTS

FLAT = Logistic(intercept=0.0, weights={"steps": 1.0}, usual={"steps": 0.0})


def sat(number: int, right: bool) -> Sat:
    return Sat(
        id=str(number),
        kind="lookup",
        answerable=True,
        outcome="right" if right else "wrong",
        right=right,
        features={"steps": -0.01 * number},
        seconds=1.0,
    )


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The project's manifest and records, with a calibration of one job; no weights."""
    folder = tmp_path / "weights"
    for record in WEIGHTS.rglob("*.json"):
        if record.name in {"weights.json", "run.json"}:
            place = folder / record.relative_to(WEIGHTS)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(record, place)
    Calibration(
        specialist="planning",
        adapter=None,
        logistic=FLAT,
        fold="templates",
        count=600,
        before=Reliability(count=600, right=500, brier=0.2, ece=0.1),
        after=Reliability(count=600, right=500, brier=0.1, ece=0.02),
    ).write(folder / "planning" / CALIBRATION)
    return folder


@pytest.fixture
def out(tmp_path: Path, weights: Path) -> Path:
    """Records of an exam, a rehearsal, learning curves and failures."""
    folder = tmp_path / "results"
    folder.mkdir()
    manifest = Manifest.read(weights / "weights.json")
    arms = {
        "router": [sat(n, n < 95) for n in range(100)],
        "rules": [sat(n, n < 50) for n in range(100)],
    }
    report = Report(
        file="demo.jsonl",
        sha256="0" * 64,
        sealed=True,
        started="2026-01-01",
        seconds=1.0,
        commit="c",
        base=manifest.base.digest,
        adapters={job: each.digest for job, each in manifest.adapters.items()},
        device="a machine",
        arms={name: show(name, rows) for name, rows in arms.items()},
        margins=margins(arms["router"], {"rules": arms["rules"]}),
        sat={name: tuple(rows) for name, rows in arms.items()},
    )
    (folder / embedded.SEALED).write_text(report.model_dump_json())
    assurance = Assurance(
        base="b",
        adapters={},
        logistic=FLAT,
        thresholds=(Threshold(risk=0.03, confidence=0.8, wrong=0, given=90, p=0.04),),
        delta=0.05,
        count=100,
        sources={"dev": 100},
    )
    keep(folder / embedded.REHEARSAL, assurance, {"generated": [], "dev": arms["router"]})
    curve = {"heldout": 100, "tokens": 10, "seconds": 1.0, "recipe": {"shape": "4M"}}
    rows = [
        {**curve, "name": "4M-40", "frames": 40, "parameters": 4e6, "exact": 0.2},
        {**curve, "name": "4M-all", "frames": 900, "parameters": 4e6, "exact": 0.8},
        {**curve, "name": "8M-all", "frames": 900, "parameters": 8e6, "exact": 0.9},
    ]
    (folder / measures.CURVES).write_text("\n".join(map(json.dumps, rows)) + "\n")
    wrong = Failure(
        id="planning/1",
        job="planning",
        template="t",
        asked="what | now?",
        gold="get",
        said="sum",
        admitted=False,
    )
    (folder / "failures.json").write_text(Failures(jobs={"planning": (wrong,)}).model_dump_json())
    return folder


def test_the_table_says_what_was_met_what_was_missed_and_what_was_not_measured(
    weights: Path, out: Path
) -> None:
    rows = {row.measure: row for row in embedded.rows(embedded.read(weights, out))}
    assert rows["sealed questions, right of the answerable"].met is True
    assert rows["sealed questions, wrong"].met is False  # 5 % wrong
    assert rows["sealed questions, controls beaten"].met is True
    assert rows["calibration error (ECE), each adapter"].met is True
    assert rows["warm ask, p50"].found.startswith("1.00 s")
    assert rows["held-out companies, each specialist"].met is None
    assert rows["FinQA dev, full page, execution accuracy"].found == ""


def test_the_page_is_the_same_each_time_and_holds_every_record(
    weights: Path, out: Path, tmp_path: Path
) -> None:
    records = embedded.read(weights, out)
    first = embedded.page(records, tmp_path / "one")
    assert first == embedded.page(records, tmp_path / "two")
    for name in ("risk-coverage", "reliability", "tokens", "frames", "parameters"):
        one, two = (tmp_path / each / f"{name}.svg" for each in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        assert f"figures/{name}.svg" in first
    assert "| sealed questions, wrong | ≤ 3 %, upper bound ≤ 5 % | 5.0%" in first
    assert "what ¦ now?" in first
    assert "(refused by its checks) | unnamed |" in first


def test_records_of_other_weights_are_named(weights: Path, out: Path) -> None:
    (out / measures.KEYS).write_text('{"failures": "of others"}')
    assert embedded.read(weights, out).stale == ("failures",)
    key = {"failures": measures.fingerprint(weights)}
    (out / measures.KEYS).write_text(json.dumps(key))
    assert embedded.read(weights, out).stale == ()
    (out / "sentfin.json").write_text('{"adapter": "another"}')
    sentfin = next(m for m in measures.MEASURES if m.name == "sentfin")
    assert not measures.fresh(sentfin, weights, out)
    (out / "sentfin.json").unlink()
    (weights / "sentiment" / "more.bin").write_bytes(b"1")
    assert embedded.read(weights, out).stale == ("failures",)


async def test_what_is_of_these_weights_is_not_made_again(weights: Path, out: Path) -> None:
    key = {"failures": measures.fingerprint(weights)}
    (out / measures.KEYS).write_text(json.dumps(key))
    said: list[str] = []
    place = measures.Place(weights, out, None, 1, 1, said.append)
    await measures.make(place, ["failures", "finqa"])
    assert said == [
        "failures: of these weights already",
        "finqa: left out, it needs public data",
    ]
    with pytest.raises(ConfigError, match="no measure 'sealed'"):
        await measures.make(place, ["sealed"])


def test_causes_are_a_readers_and_survive_a_new_list(tmp_path: Path, out: Path) -> None:
    found = Failures.model_validate_json((out / "failures.json").read_text()).jobs
    path = tmp_path / "failures.toml"
    rows = {job: list(each) for job, each in found.items()}
    path.write_text(failures.blank(rows, {"planning/1": 'says "sum"'}), encoding="utf-8")
    assert failures.causes(path) == {"planning/1": 'says "sum"'}
    path.write_text("[planning]\na = 1\n")
    with pytest.raises(InputError, match="not a table of texts"):
        failures.causes(path)
    assert failures.causes(tmp_path / "none.toml") == {}


def test_the_rehearsal_keeps_the_confidence_of_answers_given(out: Path) -> None:
    told = Rehearsal.model_validate_json((out / embedded.REHEARSAL).read_text())
    assert len(told.sure) == 100
    assert set(told.tested) == set(told.sure)


def test_a_plot_without_points_is_still_a_plot(tmp_path: Path) -> None:
    assert figures.risk_coverage(tmp_path / "a.svg", {"dev": []}, 0.03).exists()
