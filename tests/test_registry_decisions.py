"""What the registry serves by the decision record beside an adapter, and what it refuses."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from specialists import serving
from specialists.agent import answer_one
from specialists.foundation import records, signing
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.errors import AdapterError, ConfigError, RecordError
from specialists.foundation.records import DECISION, Manifest
from specialists.registry import Embedded, Entry, load_embedded
from specialists.sentiment.render import SentimentInputs
from specialists.serving import Serving, Trust

Decide = Callable[..., DecisionRecord]
STRICT = Serving(provisional=False, unrecorded=False)
LABELLED = Serving(provisional=True, unrecorded=False)
WHEN = "2026-11-21T09:00:00+00:00"


@pytest.fixture
def decide(weights: Path, make_record: Decide) -> Decide:
    """Write a record beside an adapter; by default one that adopts it."""
    manifest = Manifest.read(weights / "weights.json")

    def write(job: str = "sentiment", *signers: Ed25519PrivateKey, **fields: Any) -> DecisionRecord:
        usual = {
            "specialist": job,
            "adapter": manifest.adapters[job].digest,
            "base": manifest.base.digest,
        }
        record = make_record(**{**usual, **fields})
        for number, key in enumerate(signers):
            record = signing.sign(record, key, by=f"person {number}", time=WHEN)
        record.write(weights / job / DECISION)
        return record

    return write


def entry(weights: Path, how: Serving, job: str = "sentiment") -> Entry:
    return {each.name: each for each in Embedded(weights, serving=how).list()}[job]


# --- by verdict ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [STRICT, LABELLED])
def test_an_adopted_adapter_is_served(weights: Path, decide: Decide, how: Serving) -> None:
    record = decide()
    told = entry(weights, how)
    assert (told.served, told.provisional) == (True, False)
    assert (told.decision, told.verdict) == (record.id, "adopt")
    assert told.reason == f"adopted by record {record.id}"
    assert Embedded(weights, serving=how).specialist("sentiment").decision == record.id


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"verdict": "insufficient evidence", "adopted": None},
            "says 'insufficient evidence': grpo gains 5.1 points",
        ),
        ({"verdict": "keep the start", "adopted": None}, "says 'keep the start'"),
        ({"quick": True}, "was made in the quick form"),
        ({"arm": "sft", "method": "sft"}, "adopts grpo, and this is a run of sft"),
    ],
)
def test_an_adapter_that_was_not_adopted_is_served_with_the_flag_alone(
    weights: Path, decide: Decide, fields: dict[str, Any], reason: str
) -> None:
    record = decide(**fields)
    told = entry(weights, LABELLED)
    assert (told.served, told.provisional, told.decision) == (True, True, record.id)
    assert told.reason.startswith(f"provisional: record {record.id} {reason}")
    specialist = Embedded(weights, serving=LABELLED).specialist("sentiment")
    assert specialist.decision is None
    assert specialist.served_by.adapter is not None
    told = entry(weights, STRICT)
    assert (told.served, told.provisional, told.decision) == (False, True, record.id)
    assert "specialists.provisional = true serves it, labelled" in told.reason


@pytest.mark.parametrize(
    ("how", "served", "reason"),
    [
        (STRICT, False, "refused: there is no decision.json"),
        (LABELLED, False, "refused: there is no decision.json"),
        (Serving(provisional=False, unrecorded=True), False, "refused: no decision record"),
        (serving.MEASURING, True, "provisional: no decision record"),
    ],
)
def test_an_adapter_without_a_record(
    weights: Path, how: Serving, served: bool, reason: str
) -> None:
    told = entry(weights, how)
    assert (told.served, told.provisional, told.decision) == (served, True, None)
    assert told.reason.startswith(reason)


def test_who_answers_people_asks_for_records(weights: Path, decide: Decide) -> None:
    decide("extraction", verdict="keep the start", adopted=None)
    served = {each.name: each.served for each in load_embedded(weights).list()}
    assert served == {"sentiment": False, "extraction": True}
    assert all(each.served for each in Embedded(weights).list())  # whoever measures


async def test_a_refused_adapter_is_not_loaded_and_the_others_answer(
    weights: Path, decide: Decide
) -> None:
    decide("extraction")
    embedded = Embedded(weights, serving=STRICT)
    refused, served = embedded.specialist("sentiment"), embedded.specialist("extraction")
    with pytest.raises(AdapterError, match=r"sentiment is not served: refused: there is no"):
        await refused.ready()
    done = await answer_one(refused, SentimentInputs(text="net up", entity=""))
    assert done.broken
    assert "is not served" in done.outcome.error
    assert done.completions == ()
    assert (refused.served_by.adapter, refused.calibration) == (None, None)
    await served.ready()
    with pytest.raises(AdapterError, match="sentiment"):
        await embedded.engine.chat(list(_dialogue()), adapter="sentiment")
    await embedded.aclose()


def _dialogue() -> Any:
    from specialists.foundation.contracts import Message

    yield Message(role="user", content="net up")


# --- broken records -----------------------------------------------------------------------------


def _edit(**fields: Any) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        told = {**json.loads(path.read_text()), **fields}
        path.write_text(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n")

    return spoil


def _cut(path: Path) -> None:
    path.write_text(path.read_text()[:-200])


@pytest.mark.parametrize("how", [STRICT, LABELLED, serving.MEASURING])
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_edit(verdict="keep the start", adopted=None), "it was edited"),
        (_edit(reasons=["because"]), "it was edited"),
        (_edit(adapter="0" * 64), "it was edited"),
        (_edit(version=7), "reads version 1 of the form, not 7"),
        (_cut, "Invalid JSON"),
        (lambda path: path.write_text("{}"), "Field required"),
    ],
)
def test_a_broken_record_stops_the_registry(
    weights: Path, decide: Decide, how: Serving, spoil: Callable[[Path], object], reason: str
) -> None:
    decide()
    spoil(weights / "sentiment" / DECISION)
    with pytest.raises(RecordError, match=rf"decision on sentiment is refused: .*{reason}"):
        Embedded(weights, serving=how)


def test_a_record_of_something_else_stops_the_registry(weights: Path, decide: Decide) -> None:
    decide("extraction")
    for fields, reason in (
        ({"adapter": "0" * 64}, "another adapter: 000000000000"),
        ({"adapter": None}, "another adapter: none"),
        ({"base": "0" * 64}, "another base"),
        ({"specialist": "planning"}, "decides on planning"),
    ):
        decide(**fields)
        with pytest.raises(RecordError, match=reason):
            Embedded(weights)
    shutil.copy(weights / "extraction" / DECISION, weights / "sentiment" / DECISION)
    with pytest.raises(RecordError, match="decides on extraction, not on sentiment"):
        Embedded(weights)


# --- approvals ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people() -> list[Ed25519PrivateKey]:
    return [Ed25519PrivateKey.generate() for _ in range(3)]


def trust(keys: list[Ed25519PrivateKey], approvals: int) -> Trust:
    told = tuple(signing.public_pem(key.public_key()).decode() for key in keys)
    return Trust(keys=told, approvals=approvals)


@pytest.mark.parametrize(("needed", "signed"), [(n, s) for n in (0, 1, 2) for s in (0, 1, 2)])
def test_a_record_needs_as_many_approvals_as_the_settings_say(
    weights: Path, decide: Decide, people: list[Ed25519PrivateKey], needed: int, signed: int
) -> None:
    decide("sentiment", *people[:signed])
    told = entry(weights, STRICT.model_copy(update={"trust": trust(people, needed)}))
    assert told.served is (signed >= needed)
    assert told.provisional is not told.served
    assert told.approved == tuple(f"person {n}" for n in range(signed))
    if signed < needed:
        assert f"has {signed} of the {needed} approvals it needs" in told.reason


def test_the_flag_does_not_replace_an_approval(
    weights: Path, decide: Decide, people: list[Ed25519PrivateKey]
) -> None:
    decide("sentiment", people[0])
    how = LABELLED.model_copy(update={"trust": trust(people, 2)})
    assert not entry(weights, how).served


def test_a_stranger_s_signature_stops_the_registry(
    weights: Path, decide: Decide, people: list[Ed25519PrivateKey]
) -> None:
    decide("sentiment", people[2])
    how = STRICT.model_copy(update={"trust": trust(people[:2], 0)})
    with pytest.raises(RecordError, match="signed it for person 0 is not trusted"):
        Embedded(weights, serving=how)
    told = entry(weights, STRICT)  # nobody is trusted: whole, and unsigned
    assert (told.served, told.approved) == (True, ())


def test_a_signature_that_does_not_fit_stops_the_registry_whoever_is_trusted(
    weights: Path, decide: Decide, people: list[Ed25519PrivateKey]
) -> None:
    signed = decide("sentiment", people[0])
    other = decide("sentiment", seeds={"test": 8})
    forged = other.model_copy(update={"approvals": signed.approvals})
    forged.write(weights / "sentiment" / DECISION)
    for trusted in (Trust(), trust(people, 1)):
        with pytest.raises(RecordError, match="is not of this record"):
            Embedded(weights, serving=STRICT.model_copy(update={"trust": trusted}))


def test_trust_is_configured_with_keys_that_are_some(
    weights: Path, decide: Decide, people: list[Ed25519PrivateKey], tmp_path: Path
) -> None:
    decide("sentiment", people[0])
    path = tmp_path / "ann.pub"
    path.write_bytes(signing.public_pem(people[0].public_key()))
    how = STRICT.model_copy(update={"trust": Trust(keys=(str(path),), approvals=1)})
    assert entry(weights, how).approved == ("person 0",)
    path.write_text("-----BEGIN nothing")
    with pytest.raises(ConfigError, match="no public key"):
        Embedded(weights, serving=how)
    for fields, reason in (
        ({"keys": ["ann.pub"]}, "give the whole path"),
        ({"approvals": 3}, "less than or equal to 2"),
        ({"approvals": 1}, "needs the keys of as many persons"),
    ):
        with pytest.raises(ConfigError, match=reason):
            Trust.parse(fields, origin="router.toml")


def test_a_demoted_adapter_is_served_as_one_that_no_record_adopts(
    weights: Path, decide: Decide
) -> None:
    record = decide("sentiment")
    told = records.Demotion(
        specialist="sentiment",
        adapter=record.adapter or "",
        decided="2026-01-02T03:04:05+00:00",
        record=record.id,
        reasons=("right 6 times in 10 of what was audited, 8 were promised",),
        figures={"right": 0.6},
    )
    told.write(weights / "sentiment" / records.DEMOTION)
    assert not entry(weights, STRICT).served
    found = entry(weights, LABELLED)
    assert (found.served, found.provisional) == (True, True)
    assert "demoted in service on 2026-01-02" in found.reason
    told.model_copy(update={"adapter": "0" * 64}).write(weights / "sentiment" / records.DEMOTION)
    with pytest.raises(RecordError, match="speaks of another adapter"):
        Embedded(weights, serving=STRICT)


def test_verifying_at_load_takes_milliseconds(
    weights: Path, decide: Decide, people: list[Ed25519PrivateKey]
) -> None:
    record = decide("sentiment", *people[:2])
    how = STRICT.model_copy(update={"trust": trust(people, 2)})
    given = {"specialist": "sentiment", "adapter": record.adapter or "", "base": record.base}

    def once() -> float:
        begun = time.perf_counter()
        assert serving.standing(weights / "sentiment", how, **given).adopted
        return time.perf_counter() - begun

    assert min(once() for _ in range(5)) < 0.02
