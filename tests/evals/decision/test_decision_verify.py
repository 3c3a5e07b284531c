"""``finroute evals keys new``, ``sign`` and ``verify`` on real files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from evals.decision.design import Design, Registered
from evals.decision.keys_commands import COMMANDS
from evals.decision.samples import Sample, Samples
from specialists.foundation import decisions
from specialists.foundation.decisions import DecisionRecord, SampleSet
from specialists.foundation.records import DECISION, Manifest

Make = Callable[..., DecisionRecord]
Run = Callable[..., Result]

group = click.Group(commands={command.name or "": command for command in COMMANDS})


@pytest.fixture
def evals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FINROUTE_HOME", str(tmp_path / "home"))
    return lambda *told: CliRunner().invoke(group, [str(each) for each in told])


@pytest.fixture
def decided(weights: Path, make_record: Make) -> Path:
    """A weights folder with a record beside each adapter."""
    manifest = Manifest.read(weights / "weights.json")
    for job, artefact in manifest.adapters.items():
        verdict = {} if job == "sentiment" else {"verdict": "keep the start", "adopted": None}
        make_record(
            specialist=job, adapter=artefact.digest, base=manifest.base.digest, **verdict
        ).write(weights / job / DECISION)
    return weights


@pytest.fixture
def keys(tmp_path: Path, evals: Run) -> list[Path]:
    made = [tmp_path / "ann", tmp_path / "ben"]
    for path in made:
        told = evals("keys", "new", path)
        assert told.exit_code == 0
        shown = evals("keys", "show", f"{path}.pub").output.strip()
        assert f"fingerprint {shown}" in told.output
    return made


def test_two_persons_sign_and_the_records_hold(
    decided: Path, keys: list[Path], evals: Run, tmp_path: Path
) -> None:
    for job in ("sentiment", "extraction"):
        for key in keys:
            told = evals("sign", decided / job, "--key", key, "--by", key.name)
            assert told.exit_code == 0, told.output
            assert f"{key.name} approved record" in told.output
    trusted = [part for key in keys for part in ("--trust", f"{key}.pub")]
    told = evals("verify", decided, *trusted, "--approvals", 2)
    assert told.exit_code == 0, told.output
    first, second = sorted(told.output.splitlines())
    assert first.startswith("holds    extraction: ")
    assert "says 'keep the start'" in first
    assert "sentiment: adopts grpo; approved by ann, ben; whole, of the adapter" in second

    told = evals("verify", decided)
    assert told.exit_code == 0
    assert told.output.count("2 signatures fit, no key is trusted here: unsigned") == 2

    config = tmp_path / "router.toml"
    public = [f"{key}.pub" for key in keys]
    config.write_text(f"[specialists.trust]\nkeys = {json.dumps(public)}\napprovals = 2\n")
    assert evals("verify", decided / "sentiment", "--config", config).exit_code == 0


def test_signing_refuses_what_it_cannot_answer_for(
    decided: Path, keys: list[Path], evals: Run
) -> None:
    record = decided / "sentiment" / DECISION
    assert evals("sign", record, "--key", keys[0], "--by", "Ann").exit_code == 0
    before = record.read_bytes()
    for told, code, reason in (
        (("--key", keys[0], "--by", "Ann"), 6, "approved it before"),
        (("--key", keys[1], "--by", "ann"), 6, "approved it before"),
        (("--key", f"{keys[1]}.pub", "--by", "Ben"), 2, "private key"),
        (("--key", "none", "--by", "Ben"), 2, "cannot read"),
    ):
        shown = evals("sign", record, *told)
        assert (shown.exit_code, reason in shown.output) == (code, True), shown.output
        assert record.read_bytes() == before
    record.write_text(record.read_text().replace("grpo gains 5.1", "grpo gains 9.1"))
    shown = evals("sign", record, "--key", keys[1], "--by", "Ben")
    assert (shown.exit_code, "edited" in shown.output) == (6, True)


def _verdict(weights: Path) -> None:
    path = weights / "sentiment" / DECISION
    told = json.loads(path.read_text())
    told["verdict"], told["adopted"] = "keep the start", None
    path.write_text(json.dumps(told))


def _forged(weights: Path) -> None:
    """The id is mended: only the signature tells."""
    path = weights / "sentiment" / DECISION
    told = json.loads(path.read_text())
    told.update(reasons=["because"], id="")
    DecisionRecord.model_validate(told).write(path)


def _swapped_records(weights: Path) -> None:
    one, other = (weights / job / DECISION for job in ("sentiment", "extraction"))
    kept = one.read_bytes()
    shutil.copy(other, one)
    other.write_bytes(kept)


def _swapped_adapters(weights: Path) -> None:
    for name in ("adapter_model.safetensors", "adapter_config.json", "run.json"):
        shutil.copy(weights / "extraction" / name, weights / "sentiment" / name)


def _unsigned(weights: Path) -> None:
    path = weights / "sentiment" / DECISION
    record = DecisionRecord.read(path)
    record.model_copy(update={"approvals": record.approvals[:1]}).write(path)


def _twice(weights: Path) -> None:
    path = weights / "sentiment" / DECISION
    record = DecisionRecord.read(path)
    record.model_copy(update={"approvals": record.approvals[:1] * 2}).write(path)


def _cut(weights: Path) -> None:
    path = weights / "sentiment" / DECISION
    path.write_text(path.read_text()[:1000])


def _version(weights: Path) -> None:
    path = weights / "sentiment" / DECISION
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_verdict, "it was edited"),
        (_forged, "the signature by ann is not of this record"),
        (_swapped_records, "it decides on extraction, not on sentiment"),
        (_swapped_adapters, "the manifest speaks of"),
        (_unsigned, "it has 1 of the 2 approvals"),
        (_twice, "it has 1 of the 2 approvals"),
        (_cut, "Invalid JSON"),
        (_version, "this release reads version 1 of the form, not 2"),
        (lambda weights: (weights / "sentiment" / DECISION).unlink(), "cannot read the record"),
        (lambda weights: (weights / "sentiment" / "run.json").unlink(), "no run.json beside it"),
    ],
)
def test_tampering_is_told_and_ends_with_an_error(
    decided: Path, keys: list[Path], evals: Run, spoil: Callable[[Path], object], reason: str
) -> None:
    for job in ("sentiment", "extraction"):
        for key in keys:
            evals("sign", decided / job, "--key", key, "--by", key.name)
    trusted = [part for key in keys for part in ("--trust", f"{key}.pub")]
    command = ("verify", decided, *trusted, "--approvals", 2)
    assert evals(*command).exit_code == 0
    spoil(decided)
    told = evals(*command)
    assert told.exit_code == 6
    (line,) = [one for one in told.output.splitlines() if one.startswith("REFUSED  sentiment: ")]
    assert reason in line


def test_a_stranger_s_key_is_told(decided: Path, keys: list[Path], evals: Run) -> None:
    evals("sign", decided / "sentiment", "--key", keys[0], "--by", "ann")
    told = evals("verify", decided / "sentiment", "--trust", f"{keys[1]}.pub")
    assert (told.exit_code, "is not trusted" in told.output) == (6, True)
    told = evals("verify", decided, "--approvals", 1)
    assert (told.exit_code, "needs the keys of as many persons" in told.output) == (2, True)


def test_a_record_is_held_against_its_samples(
    decided: Path, make_record: Make, evals: Run, tmp_path: Path, export: Path
) -> None:
    with Samples.read(export) as samples:
        digest = samples.digest()
    record = make_record(samples=SampleSet(digest=digest, count=1, failed=0, truncated=0.0))
    record.write(export / DECISION)
    told = evals("verify", export)
    assert told.exit_code == 0, told.output
    assert f"no adapter beside it, of the samples in {export}" in told.output
    told = evals("verify", decided / "sentiment", "--samples", export)
    assert (told.exit_code, "these are others" in told.output) == (6, True)
    (export / "samples.parquet").write_bytes(b"PAR1")
    told = evals("verify", export)
    assert (told.exit_code, "damaged" in told.output) == (6, True)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Exported samples."""
    design = Design.parse(
        {
            "specialist": "sentiment",
            "start": "a",
            "arms": [{"name": "a", "kind": "base"}, {"name": "b", "kind": "base"}],
            "contrasts": [{"arm": "b", "against": "a"}],
            "papers": [{"name": "p"}],
        },
        origin="test",
    )
    written = design.model_dump(mode="json", exclude_unset=True)
    registered = Registered(
        design=design, name="d", path=tmp_path / "d.toml", written=written, study={}
    )
    row = {"company": "Acme", "template": "t", "draw": 0, "score": 1.0}
    with Samples.open(tmp_path / "samples.duckdb", registered) as samples:
        samples.add([Sample(arm="a", run=1, paper="p", question="q", **row)])
        samples.export(tmp_path / "export")
    return tmp_path / "export"


def test_what_holds_no_record_says_so(evals: Run, tmp_path: Path) -> None:
    told = evals("verify", tmp_path)
    assert told.exit_code == 2
    assert "has neither a weights.json nor a decision.json" in told.output


def test_the_schema_is_printed(evals: Run) -> None:
    assert json.loads(evals("schema").output) == decisions.schema()
