"""The project's own decisions: whole, computed again from their samples to the same bytes, and
beside the adapters that they are about."""

from pathlib import Path

import pytest

from evals.decision import decide as deciding
from evals.decision.commands import DECISIONS
from evals.decision.design import load
from specialists.foundation.decisions import DecisionRecord, GainFinding
from specialists.foundation.records import DECISION, Manifest
from specialists.registry import MANIFEST, WEIGHTS

NAMES = sorted(path.parent.name for path in DECISIONS.glob(f"*/{DECISION}"))
ADAPTERS = Manifest.read(WEIGHTS / MANIFEST).adapters
SERVED = [name for name in NAMES if name in ADAPTERS]
README = Path("README.md")
STUDY = Path("docs/study.md")
FLAGSHIP = [name for name in ("calculation", "table_qa", "maths") if name in NAMES]


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


@pytest.mark.parametrize("name", SERVED)
def test_the_adapter_in_service_has_its_own_record(name):
    beside = DecisionRecord.read(WEIGHTS / ADAPTERS[name].folder / DECISION)
    assert beside.adapter == ADAPTERS[name].digest
    made = record(name)
    assert (beside.design, beside.samples, beside.verdict) == (
        made.design,
        made.samples,
        made.verdict,
    )


@pytest.mark.parametrize("name", SERVED)
def test_the_readme_tells_its_verdict(name):
    made = record(name)
    line = next(
        line
        for line in README.read_text("utf-8").splitlines()
        if line.startswith(f"| `{name}` |") and made.verdict in line
    )
    gain = next(g for g in made.gains if (g.arm, g.against) == ("shipped", made.start))
    assert points(gain) in line


@pytest.mark.parametrize("name", FLAGSHIP)
def test_the_study_tells_its_verdict_and_every_designed_gain(name):
    made = record(name)
    text = STUDY.read_text("utf-8")
    section = text.split(f"\n## {name}: ", 1)[1].split("\n## ", 1)[0]
    assert made.verdict in section
    asked = {(each.arm, each.against) for each in load(Path(name)).design.contrasts}
    gains = [gain for gain in made.gains if (gain.arm, gain.against) in asked]
    assert len(gains) == len(asked)
    for gain in gains:
        assert points(gain) in section, (gain.arm, gain.against)


def points(gain: GainFinding) -> str:
    """A gain as pages tell it."""
    return f"{gain.mean * 100:+.1f} [{gain.low * 100:+.1f}, {gain.high * 100:+.1f}]"
