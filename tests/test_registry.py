from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from specialists import registry
from specialists.agent import answer_one
from specialists.attestation import (
    TOLERANCES,
    Canary,
    Scoring,
    attest,
    rounding,
    take_canary,
)
from specialists.engines.local import LocalEngine
from specialists.foundation.errors import AdapterError, FinrouteError, NotFound, RecordError
from specialists.foundation.records import (
    ASSURANCE,
    CALIBRATION,
    CANARY,
    RUN,
    Assurance,
    Calibration,
    Logistic,
    Manifest,
    artefact_digest,
)
from specialists.registry import Embedded
from specialists.sentiment.render import SentimentInputs

FLAT = Logistic(intercept=0.0, weights={}, usual={})


async def test_a_specialist_answers_with_its_adapter(weights: Path) -> None:
    embedded = Embedded(weights)
    sentiment = embedded.specialist("sentiment")
    assert not embedded.engine.loaded  # naming costs nothing
    done = await answer_one(sentiment, SentimentInputs(text="net up", entity=""))
    assert done.outcome.answer is not None or done.outcome.error
    assert done.completions[0].adapter == "sentiment"
    assert sentiment.served_by.adapter == artefact_digest(weights / "sentiment")
    assert sentiment.served_by.decision is None
    await embedded.aclose()


async def test_many_first_uses_attest_once(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attested: list[str] = []

    async def count(engine: Scoring, name: str, canary: Canary) -> None:
        attested.append(name)
        await attest(engine, name, canary)

    monkeypatch.setattr(registry, "attest", count)
    embedded = Embedded(weights)
    sentiment = embedded.specialist("sentiment")
    leaving = asyncio.create_task(sentiment.ready())
    await asyncio.sleep(0)
    leaving.cancel()  # who was first leaves: the others go on
    await asyncio.gather(*(sentiment.ready() for _ in range(12)))
    await embedded.specialist("sentiment").ready()
    assert attested == ["sentiment", "sentiment"]
    await embedded.aclose()


def test_one_registry_serves_several_loops(weights: Path) -> None:
    embedded = Embedded(weights)

    async def ask(name: str) -> bool:
        specialist = embedded.specialist(name)
        await asyncio.gather(*(specialist.ready() for _ in range(3)))
        return True

    assert asyncio.run(ask("sentiment"))
    assert asyncio.run(ask("extraction"))
    asyncio.run(embedded.aclose())


def test_a_calibration_of_another_adapter_is_refused(weights: Path) -> None:
    told = Calibration(
        specialist="sentiment", adapter="0" * 64, logistic=FLAT, fold="templates", count=1
    )
    told.write(weights / "sentiment" / CALIBRATION)
    with pytest.raises(RecordError, match="speaks of another adapter"):
        Embedded(weights)
    told = told.model_copy(update={"base": "0" * 64})
    told.write(weights / "sentiment" / CALIBRATION)
    with pytest.raises(RecordError, match="speaks of another base"):
        Embedded(weights)


def test_an_assurance_of_other_weights_is_refused(weights: Path) -> None:
    assert Embedded(weights).assurance is None
    manifest = Manifest.read(weights / "weights.json")
    told = Assurance(
        base=manifest.base.digest,
        adapters={name: each.digest for name, each in manifest.adapters.items()},
        logistic=FLAT,
        thresholds=(),
        delta=0.05,
        count=0,
        sources={},
    )
    told.write(weights / ASSURANCE)
    assert Embedded(weights).assurance == told
    told.model_copy(update={"adapters": {"sentiment": "0" * 64}}).write(weights / ASSURANCE)
    with pytest.raises(RecordError, match="speaks of other weights"):
        Embedded(weights)


def _rewrite(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda w: (w / "weights.json").unlink(), "weights.json"),
        (lambda w: (w / "base" / "config.json").write_text("{}"), "altered config.json"),
        (lambda w: (w / "sentiment" / "adapter_model.safetensors").write_bytes(b""), "altered"),
        (lambda w: shutil.rmtree(w / "sentiment"), "sentiment"),
        (lambda w: _rewrite(w / "sentiment" / RUN, base="0" * 64), "made on base 000000000000"),
        (lambda w: _rewrite(w / "sentiment" / RUN, kind="base"), "not an adapter"),
    ],
)
def test_altered_weights_are_refused_by_name(
    weights: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    spoil(weights)
    with pytest.raises(FinrouteError, match=reason):
        Embedded(weights)


async def test_an_adapter_without_a_canary_is_not_served(weights: Path) -> None:
    (weights / "sentiment" / CANARY).unlink()
    embedded = Embedded(weights)
    done = await answer_one(embedded.specialist("sentiment"), SentimentInputs(text="x", entity=""))
    assert done.broken
    assert "nothing proves that it acts" in done.outcome.error
    await embedded.aclose()


def test_unknown_names_say_which_there_are(weights: Path) -> None:
    embedded = Embedded(weights)
    with pytest.raises(NotFound, match="sentiment"):
        embedded.specialist("poetry")
    with pytest.raises(NotFound, match="no adapter for planning; there are: extraction, sentiment"):
        embedded.specialist("planning")


def test_every_job_has_a_task_of_its_name() -> None:
    for name in registry.TASKS:
        assert registry.task(name).name == name


def test_listing_needs_no_model_library(weights: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from specialists.registry import Embedded; "
        f"print(len(Embedded(Path({str(weights)!r})).list())); "
        "print([m for m in ('torch', 'transformers', 'peft', 'xgrammar') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split("\n")[:2] == ["2", "[]"]


# --- attestation --------------------------------------------------------------------------------


async def test_attestation_tells_what_is_wrong(
    weights: Path,
    adapters: dict[str, Path],
    base: Path,
    idle: Callable[[Path], Path],
    another_base: Callable[[Path], Path],
) -> None:
    canary = Canary.read(weights / "sentiment" / CANARY)
    right = LocalEngine.load(base, adapters={"a": adapters["alpha"]})
    await attest(right, "a", canary)
    right.add_adapter("a", adapters["beta"])
    with pytest.raises(AdapterError, match="gives other log-probabilities"):
        await attest(right, "a", canary)
    right.add_adapter("a", idle(adapters["alpha"]))
    with pytest.raises(AdapterError, match="does not act on the base"):
        await attest(right, "a", canary)
    await right.aclose()
    other = LocalEngine.load(another_base(base), adapters=adapters)
    with pytest.raises(AdapterError, match="is not the one it was made on"):
        await attest(other, "alpha", canary)
    await other.aclose()


async def test_a_canary_is_not_taken_where_the_adapter_does_not_act(
    weights: Path, base: Path, adapters: dict[str, Path], idle: Callable[[Path], Path]
) -> None:
    dialogues = [case.dialogue for case in Canary.read(weights / "sentiment" / CANARY).cases]
    engine = LocalEngine.load(base, adapters={"a": idle(adapters["alpha"])})
    with pytest.raises(AdapterError, match="choose dialogues where it acts"):
        await take_canary(engine, "a", dialogues, digest="d", base="b")
    await engine.aclose()


async def test_a_shorter_number_format_is_told_from_another_model(
    weights: Path, adapters: dict[str, Path], base: Path, idle: Callable[[Path], Path]
) -> None:
    canary = Canary.read(weights / "sentiment" / CANARY)
    short = LocalEngine.load(base, adapters={"a": adapters["alpha"]}, dtype="bfloat16")
    rounds = await rounding(short, "a", canary)
    assert 1e-5 < rounds < TOLERANCES["bfloat16"] * 2
    with pytest.raises(AdapterError, match="a shorter number format than float32"):
        await attest(short, "a", canary)
    measured = canary.model_copy(update={"rounding": {"bfloat16": rounds}})
    await attest(short, "a", measured, format="bfloat16")
    short.add_adapter("a", adapters["beta"])
    with pytest.raises(AdapterError, match="gives other log-probabilities"):
        await attest(short, "a", measured, format="bfloat16")
    short.add_adapter("a", idle(adapters["alpha"]))
    with pytest.raises(AdapterError, match="does not act on the base"):
        await attest(short, "a", measured, format="bfloat16")
    await short.aclose()


async def test_a_canary_that_rounding_drowns_attests_nothing(
    weights: Path, adapters: dict[str, Path], base: Path
) -> None:
    canary = Canary.read(weights / "sentiment" / CANARY)
    deep = canary.model_copy(update={"rounding": {"bfloat16": canary.effect}})
    engine = LocalEngine.load(base, adapters={"a": adapters["alpha"]})
    await attest(engine, "a", deep)
    with pytest.raises(AdapterError, match=r"cannot be attested in bfloat16.*rounding alone"):
        await attest(engine, "a", deep, format="bfloat16")
    await engine.aclose()
