"""The form of decision records: what they hold, and what their reading refuses."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specialists.foundation import decisions
from specialists.foundation.decisions import Approval, DecisionRecord, Posterior, SmallSet
from specialists.foundation.errors import RecordError

Make = Callable[..., DecisionRecord]
SCHEMA = Path(__file__).parents[2] / "evals" / "decision" / "schema" / "decision.schema.json"


@pytest.fixture
def path(make_record: Make, tmp_path: Path) -> Path:
    make_record().write(tmp_path / "decision.json")
    return tmp_path / "decision.json"


def test_a_record_comes_back_as_it_was_written(make_record: Make, path: Path) -> None:
    record = make_record()
    assert DecisionRecord.read(path).text() == record.text()
    assert record.id == make_record().id
    assert len(record.id) == decisions.ID
    first = path.read_bytes()
    DecisionRecord.read(path).write(path)
    assert path.read_bytes() == first
    assert list(path.parent.iterdir()) == [path]


def test_noise_below_the_rounding_makes_no_other_record(make_record: Make) -> None:
    one = make_record(design_text={"delta": 0.1 + 0.2})
    other = make_record(design_text={"delta": 0.3})
    assert (one.id, one.text()) == (other.id, other.text())


@given(st.floats(min_value=0.0, max_value=1.0))
def test_any_number_survives_the_file(share: float) -> None:
    part = SmallSet(
        questions=3,
        contrasts=(
            Posterior(
                arm="a", against="b", mean=share, low=0, high=1, positive=share, big_enough=0
            ),
        ),
    )
    read = SmallSet.model_validate_json(json.dumps(json.loads(decisions.canonical(part))))
    assert read.contrasts[0].mean == pytest.approx(share, rel=1e-11, abs=1e-300)
    assert decisions.canonical(read) == decisions.canonical(part)


def test_approvals_are_no_part_of_the_body(make_record: Make) -> None:
    record = make_record()
    approval = Approval(by="A", time="now", key="k", public="p", signature="s")
    signed = record.model_copy(update={"approvals": (approval,)})
    assert DecisionRecord.model_validate(signed.model_dump()).id == record.id
    assert signed.body() == record.body()


def _number(record: dict) -> None:
    record["arms"][1]["accuracy"]["mean"] = 0.9


def _verdict(record: dict) -> None:
    record["verdict"], record["adopted"] = "insufficient evidence", None


def _adapter(record: dict) -> None:
    record["adapter"] = "c" * 64


def _finer(record: dict) -> None:
    record["gains"][0]["mean"] = 0.0510000000000001


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_number, "edited"),
        (_verdict, "edited"),
        (_adapter, "edited"),
        (lambda record: record.pop("id"), "edited"),
        (_finer, "edited"),
        (lambda record: record.update(version=2), "reads version 1 of the form, not 2"),
        (lambda record: record.update(version=None), "reads version 1 of the form, not None"),
        (lambda record: record.update(mood="good"), "mood: Extra inputs"),
        (lambda record: record.pop("samples"), "samples: Field required"),
    ],
)
def test_an_edited_record_is_refused(
    path: Path, edit: Callable[[dict], object], reason: str
) -> None:
    told = json.loads(path.read_text())
    edit(told)
    path.write_text(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    with pytest.raises(RecordError, match=reason):
        DecisionRecord.read(path)


def test_a_record_cut_off_anywhere_is_refused(path: Path) -> None:
    whole = path.read_text()
    for size in range(0, len(whole) - 1, 97):
        path.write_text(whole[:size])
        with pytest.raises(RecordError, match="Invalid JSON"):
            DecisionRecord.read(path)


def test_a_record_that_is_not_there_or_no_text_is_refused(path: Path) -> None:
    with pytest.raises(RecordError, match="cannot read"):
        DecisionRecord.read(path.with_name("other.json"))
    path.write_text(path.read_text() * 2)
    with pytest.raises(RecordError, match="Invalid JSON"):
        DecisionRecord.read(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match="no text in UTF-8"):
        DecisionRecord.read(path)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"verdict": "adopt", "adopted": None}, "with the verdict 'adopt', and with no other"),
        ({"verdict": "keep the start"}, "with the verdict 'adopt', and with no other"),
        ({"arm": "dpo"}, "no findings on the arms dpo"),
        ({"adopted": "dpo"}, "no findings on the arms dpo"),
        ({"verdict": "perhaps"}, "verdict"),
        ({"spent": {"wall_hours": math.nan, "device_hours": 1}}, "finite"),
        ({"id": "0" * 16}, "it was edited"),
    ],
)
def test_a_record_that_contradicts_itself_is_not_made(
    make_record: Make, fields: dict, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        make_record(**fields)


def test_a_design_with_an_infinite_number_is_not_recorded(make_record: Make) -> None:
    with pytest.raises(RecordError, match="not a value that can be recorded"):
        make_record(design_text={"delta": math.inf})


def test_only_a_full_decision_for_its_own_arm_adopts(make_record: Make) -> None:
    assert make_record().adopts
    assert not make_record(quick=True).adopts
    assert not make_record(arm="sft").adopts
    assert not make_record(verdict="keep the start", adopted=None).adopts


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"specialist": "planning"}, "decides on sentiment, not on planning"),
        ({"adapter": "c" * 64}, "another adapter: aaaaaaaaaaaa, not cccccccccccc"),
        ({"base": "c" * 64}, "another base: bbbbbbbbbbbb, not cccccccccccc"),
    ],
)
def test_a_record_of_something_else_is_refused(make_record: Make, other: dict, reason: str) -> None:
    right = {"specialist": "sentiment", "adapter": "a" * 64, "base": "b" * 64}
    make_record().check(**right)
    with pytest.raises(RecordError, match=reason):
        make_record().check(**{**right, **other})


def test_the_committed_schema_is_that_of_the_form(make_record: Make) -> None:
    told = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert told == decisions.schema(), f"finroute evals schema > {SCHEMA}"
    jsonschema.Draft202012Validator.check_schema(told)
    jsonschema.validate(json.loads(make_record().text()), told)
    assert told["$defs"]["GainFinding"]["properties"]["se"]["description"] == "Standard error."


def test_reading_is_cheap(path: Path) -> None:
    def once() -> float:
        begun = time.perf_counter()
        DecisionRecord.read(path)
        return time.perf_counter() - begun

    assert min(once() for _ in range(5)) < 0.01
