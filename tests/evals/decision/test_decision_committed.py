"""The project's own decisions: whole, computed again from their samples to the same bytes, and
beside the adapters that they are about."""

from pathlib import Path

import pytest

from evals.decision import decide as deciding
from evals.decision.commands import DECISIONS
from evals.decision.design import load
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.records import DECISION, Manifest
from specialists.registry import MANIFEST, WEIGHTS

NAMES = sorted(path.parent.name for path in DECISIONS.glob(f"*/{DECISION}"))
README = Path("README.md")


def record(name: str) -> DecisionRecord:
    return DecisionRecord.read(DECISIONS / name / DECISION)


@pytest.mark.parametrize("name", NAMES)
def test_its_samples_give_the_same_bytes_again(name):
    again = deciding.replay(DECISIONS / name)
    assert again.text() == (DECISIONS / name / DECISION).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_it_was_made_for_the_design_that_is_committed(name):
    made = record(name)
    assert made.design == load(Path(name)).digest
    assert not made.quick
    assert all(attempt.status == "done" for attempt in made.attempts)


@pytest.mark.parametrize("name", NAMES)
def test_the_adapter_in_service_has_its_own_record(name):
    adapters = Manifest.read(WEIGHTS / MANIFEST).adapters
    beside = DecisionRecord.read(WEIGHTS / adapters[name].folder / DECISION)
    assert beside.adapter == adapters[name].digest
    made = record(name)
    assert (beside.design, beside.samples, beside.verdict) == (
        made.design,
        made.samples,
        made.verdict,
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_tells_its_verdict(name):
    made = record(name)
    line = next(
        line
        for line in README.read_text("utf-8").splitlines()
        if line.startswith(f"| `{name}` |") and made.verdict in line
    )
    gain = next(g for g in made.gains if (g.arm, g.against) == ("shipped", made.start))
    assert f"{gain.mean * 100:+.1f} [{gain.low * 100:+.1f}, {gain.high * 100:+.1f}]" in line
