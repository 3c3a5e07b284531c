"""Drift over a store that the real router wrote."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.drift import audit, expected, live
from evals.drift.advice import Advice, advise, judge
from evals.drift.commands import drift
from evals.drift.demotion import demote
from evals.drift.expected import Expected, Known
from evals.drift.live import ANSWERS, PLAN, PLANNING, WHOLE
from router.config import Settings, SpecialistSettings, StateSettings
from router.contracts import Answer
from router.router import Router
from router.state import State
from specialists.foundation import records
from specialists.foundation.contracts import Finding, ServedBy
from specialists.foundation.errors import ConfigError, InputError
from specialists.registry import WEIGHTS, Embedded
from specialists.workspace import demo

QUESTIONS = (
    "What was the revenue of Kestrel Biosciences in 2022?",
    "How is the press about Lumenfall Media?",
    "How much capital spending has Dunewind penciled in for 2024",
    "lol you up? tell me something funny",
)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[Answer]]]:
    """A store, and the answers that the router wrote into it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('drift') / 'answers.sqlite'}"
    settings = Settings(
        state=StateSettings(url=url), specialists=SpecialistSettings(provisional=True)
    )
    with Router.open(demo.build(), settings) as router:
        yield url, [router.ask(question) for question in QUESTIONS]


def more(url: str, answer: Answer, count: int, **changes: object) -> None:
    """Answers like one of the router's, each a day after the last."""
    state = State(url)
    try:
        for number in range(count):
            id = f"{answer.id[:24]}{number:08d}"
            made = answer.created + timedelta(days=number + 1)
            findings = tuple(f.model_copy(update=changes) for f in answer.findings)
            state.begin(id, question=answer.question, workspace="demo", owner="t", lease_s=1)
            state.finish(
                answer.model_copy(update={"id": id, "created": made, "findings": findings})
            )
    finally:
        state.close()


def test_every_part_that_a_model_did_is_read(lived: tuple[str, list[Answer]]) -> None:
    url, answers = lived
    parts = live.read(url)
    assert [p.answer for p in parts if p.part == WHOLE] == [a.id for a in answers]
    assert sum(p.part == PLAN for p in parts) == len(QUESTIONS)
    press = next(p for p in parts if p.specialist == "sentiment")
    adapters = {e.name: e.adapter for e in Embedded(WEIGHTS).list()}
    assert press.adapter == adapters["sentiment"]
    assert press.reply
    assert not press.escalated
    served = [f for a in answers for f in a.findings if f.served_by is not None]
    assert sum(p.part not in (WHOLE, PLAN) for p in parts) == len(served)
    later = live.read(url, since=answers[1].created)
    assert {p.answer for p in later} == {a.id for a in answers[1:]}


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no store"):
        live.read(f"sqlite:///{tmp_path / 'none.sqlite'}")
    assert not (tmp_path / "none.sqlite").exists()


def test_escalations_and_refusals_are_told() -> None:
    finding = Finding(
        subtask="s1",
        specialist="table_qa",
        status="failed",
        attempts=2,
        served_by=ServedBy(model="large"),
        reason="did not pass verification: its unit is USD, its source's %",
    )
    answer = _answer(finding)
    (step,) = [p for p in live.parts(answer) if p.part == "s1"]
    assert step.escalated
    assert step.refused


def _answer(*findings: Finding) -> Answer:
    from datetime import UTC, datetime

    from specialists.foundation.contracts import Plan, Subtask

    steps = tuple(
        Subtask(id=f.subtask, specialist=f.specialist, instruction="revenue") for f in findings
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Answer(
        id="a" * 32,
        question="q",
        text="t",
        status="complete",
        plan=Plan(subtasks=steps),
        findings=findings,
        workspace="demo",
        version="1",
        as_of=now.date(),
        created=now,
    )


def test_the_sample_is_stratified_seeded_and_goes_on(
    lived: tuple[str, list[Answer]], tmp_path: Path
) -> None:
    parts = live.read(lived[0])
    drawn = audit.draw(parts, 6, seed=3)
    assert drawn == audit.draw(list(reversed(parts)), 6, seed=3)
    assert drawn != audit.draw(parts, 6, seed=4)
    counts = {s: sum(p.specialist == s for p in drawn) for s in {p.specialist for p in parts}}
    assert max(counts.values()) - min(counts.values()) <= 1
    marks = {(p.answer, p.part): True for p in drawn}
    rest = audit.draw(parts, 1_000, seed=3, labelled=marks)
    assert len(rest) == len(parts) - 6
    assert not {(p.answer, p.part) for p in rest} & set(marks)
    audit.write(drawn, tmp_path / "a.csv")
    with pytest.raises(InputError, match="there already"):
        audit.write(drawn, tmp_path / "a.csv")
    assert audit.read(tmp_path / "a.csv") == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("answer,verdict\n1,yes\n", "columns"),
        ("answer,right\n", "columns"),
        ("answer,right\n1,maybe\n", "line 2"),
        ("answer,right\n1,yes\n1,no\n", "both ways"),
    ],
)
def test_labels_that_are_none_are_refused(text: str, why: str, tmp_path: Path) -> None:
    place = tmp_path / "labels.csv"
    place.write_text(text)
    with pytest.raises(InputError, match=why):
        audit.read(place)


def test_two_columns_judge_whole_answers(tmp_path: Path) -> None:
    place = tmp_path / "labels.csv"
    place.write_text("answer,right\nabc,yes\ndef,0\nghi,\n")
    assert audit.read(place) == {("abc", WHOLE): True, ("def", WHOLE): False}


def verdict(right: int, wrong: int, *, low: float = 0.9, alpha: float = 0.01) -> Advice:
    promised = Expected(accuracy=low + 0.03, low=low)
    return judge("table_qa", [True] * right + [False] * wrong, promised, alpha, 0.1)


def test_verdicts() -> None:
    none = verdict(0, 0)
    assert none.verdict == "not enough to tell"
    assert none.more is not None
    assert "more labels" in none.reasons[0]
    assert verdict(8, 1).verdict == "not enough to tell"
    assert verdict(8, 1).more == none.more - 9
    assert verdict(190, 10).verdict == "keep"
    assert verdict(140, 60).verdict == "demote"
    assert verdict(140, 60).stake > 100


def test_a_drop_is_found_among_answers_and_another_adapters_labels_do_not_count(
    lived: tuple[str, list[Answer]],
) -> None:
    url, answers = lived
    press = next(a for a in answers if any(f.specialist == "sentiment" for f in a.findings))
    more(url, press, 120)
    parts = live.read(url)
    own = [p for p in parts if p.specialist == "sentiment"]
    assert len(own) >= 120
    marks = {(p.answer, p.part): n % 3 > 0 for n, p in enumerate(own)}
    digest = own[0].adapter
    promise = Expected(adapter=digest, accuracy=0.93, low=0.9, record="r1")
    (told,) = advise(parts, marks, Known(promises={"sentiment": promise})).advice
    assert (told.verdict, told.labels, told.record) == ("demote", len(own), "r1")
    other = promise.model_copy(update={"adapter": "f" * 64})
    (told,) = advise(parts, marks, Known(promises={"sentiment": other})).advice
    assert (told.verdict, told.labels) == ("not enough to tell", 0)


def test_more_escalations_than_before_are_told_and_demote_nobody(
    lived: tuple[str, list[Answer]],
) -> None:
    parts = [p for p in live.read(lived[0]) if p.specialist == "sentiment"]
    quiet = [p.model_copy(update={"escalated": False}) for p in parts * 4]
    loud = [p.model_copy(update={"escalated": n % 4 == 0}) for n, p in enumerate(parts * 4)]
    promise = Expected(adapter=parts[0].adapter, accuracy=0.93, low=0.9)
    known = Known(promises={"sentiment": promise}, baseline=expected.baseline(quiet))
    (same,) = advise(quiet, {}, known).advice
    assert same.rises == ()
    (risen,) = advise(loud, {}, known).advice
    assert [r.signal for r in risen.rises] == ["escalated"]
    assert risen.verdict == "not enough to tell"


def test_the_command_from_sample_to_advice(lived: tuple[str, list[Answer]], tmp_path: Path) -> None:
    url, sheet = lived[0], tmp_path / "audit.csv"
    run = CliRunner().invoke

    def call(*arguments: str) -> str:
        done = run(drift, ["--state", url, *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    call("--sample", "300", "--to", str(sheet))
    with sheet.open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["right"] = "no" if row["specialist"] == PLANNING else "yes"
    with sheet.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    promised = tmp_path / "promised.toml"
    promised.write_text(
        "".join(
            f"[specialists.{name}]\naccuracy = 0.9\nlow = 0.85\n" for name in (PLANNING, ANSWERS)
        )
    )
    base = tmp_path / "baseline.json"
    assert "wrote" in call("--write-baseline", str(base))
    told = call("--labels", str(sheet), "--promised", str(promised), "--baseline", str(base))
    assert f"{PLANNING}     demote" in told
    assert f"{ANSWERS}      keep" in told or f"{ANSWERS}      not enough" in told
    assert "the mix of jobs has not moved" in told
    assert any(line.startswith("sentiment ") for line in told.splitlines())
    as_json = json.loads(
        call("--labels", str(sheet), "--promised", str(promised), "--json", "--alpha", "0.01")
    )
    assert {a["specialist"] for a in as_json["advice"]} >= {PLANNING, ANSWERS}
    refused = run(drift, ["--state", url, "--alpha", "2"])
    assert refused.exit_code == ConfigError.exit_code


def test_a_demotion_is_written_beside_the_adapter_once(tmp_path: Path) -> None:
    import shutil

    weights = tmp_path / "weights"
    shutil.copytree(WEIGHTS, weights)
    advice = verdict(140, 60)
    with pytest.raises(ConfigError, match="not to be demoted"):
        demote(weights, verdict(0, 0))
    place = demote(weights, advice)
    written = place.read_bytes()
    assert demote(weights, advice).read_bytes() == written
    digest = records.RunRecord.read(place.parent / records.RUN).digest
    records.verify(place.parent, digest)


def test_records_promise_and_plain_numbers_fill_in(tmp_path: Path) -> None:
    plain = tmp_path / "p.toml"
    plain.write_text("[specialists.planning]\naccuracy = 0.9\nlow = 0.85\n")
    told = expected.promises(WEIGHTS, plain)
    assert told["planning"].adapter is not None
    plain.write_text("[specialists.planning]\naccuracy = 0.8\nlow = 0.85\n")
    with pytest.raises(ConfigError, match="low is above"):
        expected.promises(WEIGHTS, plain)
