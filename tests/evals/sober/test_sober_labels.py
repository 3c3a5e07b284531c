"""Gold held against itself on tiny files of the public sets' form; questions that are asked twice;
the sheet that a person reads."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from evals.decision.design import load
from evals.decision.questions import draw
from evals.decision.samples import Sample, Samples
from evals.sober import audit, commands, drawn, exported, gold, report, settings
from evals.sober.drawn import Reply
from evals.sober.labels import Labelled, agreement, quality
from evals.sober.page import page
from specialists import registry
from specialists.foundation.errors import ConfigError, DataError, InputError

LONG = "what was the net change in total operating income of the reporting company from 2018 to"


# --- questions asked twice ------------------------------------------------------------------------


def test_the_same_question_with_other_answers_clashes() -> None:
    items = [
        Labelled("a", "How much, in 2019?", "1", "page"),
        Labelled("b", "how much in 2019", "2", "page"),
        Labelled("c", "how much in 2019", "2", "other page"),
        Labelled("d", "how much in 2018", "2", "page"),
    ]
    found = quality(items)
    assert (found.repeated, found.clashing) == (2, 1)
    assert found.examples[0].golds == ("1", "2")


def test_near_questions_share_words_and_figures() -> None:
    items = [
        Labelled("a", f"{LONG} 2019", "1"),
        Labelled("b", f"{LONG} 2019 please", "2"),
        Labelled("c", f"{LONG} 2017", "3"),
    ]
    found = quality(items)
    assert (found.near, found.near_clashing) == (1, 1)
    assert {found.examples[0].first, found.examples[0].second} == {"a", "b"}
    assert quality(items, near=2).near == 0
    assert quality(items, same=lambda a, b: True).near_clashing == 0


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8), max_size=12))
def test_near_pairs_are_those_of_every_pair_looked_at(told: list[list[str]]) -> None:
    items = [Labelled(str(n), " ".join(words), "x") for n, words in enumerate([["z"], *told])]
    expected = 0
    for n, one in enumerate(items):
        for two in items[:n]:
            a, b = set(one.text.split()), set(two.text.split())
            expected += one.text != two.text and len(a & b) >= 0.5 * len(a | b)
    assert quality(items, near=0.5).near == expected


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2))
def test_kappa_is_statsmodels(pairs: list[tuple[bool, bool]]) -> None:
    one, two = [a for a, _ in pairs], [b for _, b in pairs]
    found = agreement([str(n) for n in range(len(pairs))], one, two)
    assert found.both + found.neither + found.first_only + found.second_only == len(pairs)
    if found.kappa is not None:
        cells = [[found.both, found.first_only], [found.second_only, found.neither]]
        told: Any = cohens_kappa(cells, return_results=False)
        assert found.kappa == pytest.approx(float(told), abs=1e-9)


def test_judges_of_other_answers_are_refused() -> None:
    with pytest.raises(DataError, match="judgements"):
        agreement(["a"], [True, False], [True])
    with pytest.raises(DataError, match="no labelled"):
        quality([])


# --- public sets ----------------------------------------------------------------------------------


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


TABLE = [["year", "2019", "2018"], ["margin", "12.5%", "10.0%"], ["loss", "$ -3 ( 3 )", "-5 ( 5 )"]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("subtract(5829, 5735), divide(#0, 5735)", 94 / 5735),
        ("divide(60, 243), multiply(#0, const_100)", 6000 / 243),
        ("table_average(margin, none)", 0.1125),
        ("table_min(loss, none)", -5),
        ("exp(2, const_3)", 8),
        ("multiply(10%, const_m1)", -0.1),
        ("greater(3, 2)", "yes"),
    ],
)
def test_programs_are_worked_out(text: str, value: float | str) -> None:
    found = gold.program(text, TABLE)
    assert found == (value if isinstance(value, str) else pytest.approx(value))


@pytest.mark.parametrize("text", ["", "table_sum(nothing, none)", "sine(1, 2)", "add(x, 1)"])
def test_programs_that_are_none_are_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"no |could not convert"):
        gold.program(text, TABLE)


def test_finqa_gold_that_its_program_denies(tmp_path: Path) -> None:
    row = {"pre_text": "", "post_text": "", "table": TABLE, "program": "add(1, 2)"}
    rows = [
        row | {"id": "a", "question": "a", "exe_ans": 3.0, "answer": "3"},
        row | {"id": "b", "question": "b", "exe_ans": 4.0, "answer": "4"},
        row | {"id": "c", "question": "c", "exe_ans": 3.0, "answer": "7"},
        row | {"id": "d", "question": "d", "exe_ans": 3.0, "answer": "300%"},
        row | {"id": "e", "question": "e", "exe_ans": 3.0, "answer": "3", "program": "sum"},
    ]
    lines(tmp_path / "finqa" / "dev.jsonl", rows)
    found = gold.public("finqa", tmp_path)
    assert (found.checked, found.unreadable, found.faults) == (4, 1, 2)
    assert len(found.kinds) == 2


def test_tatqa_gold_that_its_derivation_denies(tmp_path: Path) -> None:
    asked = {"answer_type": "arithmetic", "scale": "", "question": "q"}
    told = [
        asked | {"uid": "a", "answer": -12.6, "derivation": "44.1-56.7"},
        asked
        | {"uid": "b", "answer": -22.22, "derivation": "(44.1-56.7)/56.7", "scale": "percent"},
        asked | {"uid": "c", "answer": 16, "derivation": "3 + (13) + 26"},
        asked | {"uid": "d", "answer": 12.6, "derivation": "44.1-56.7"},
        asked | {"uid": "e", "answer": 1, "derivation": "see row 3"},
    ]
    told = [row | {"question": f"what of {row['uid']}"} for row in told]
    (tmp_path / "tatqa").mkdir()
    pages = [{"table": {"uid": "t"}, "questions": told}]
    (tmp_path / "tatqa" / "tatqa_dataset_dev.json").write_text(json.dumps(pages), "utf-8")
    found = gold.public("tatqa", tmp_path)
    assert (found.checked, found.unreadable) == (4, 1)
    assert found.kinds == {"the sign differs": 1}


def test_gsm8k_gold_that_stands_in_no_step(tmp_path: Path) -> None:
    rows = [
        {"question": "a", "answer": "3 and 4 are <<3+4=7>>7.\n#### 7"},
        {"question": "b", "answer": "3 and 4 are <<3+4=8>>8.\n#### 8"},
        {"question": "c", "answer": "$<<0.3+0.6=0.9>>0.90 in all\n#### 90"},
        {"question": "d", "answer": "They are <<70+38=108>>108.\n#### 106"},
        {"question": "e", "answer": "It costs $80 000.\n#### 80,000"},
    ]
    lines(tmp_path / "gsm8k" / "train.jsonl", rows)
    found = gold.public("gsm8k", tmp_path)
    assert found.checked == 4
    assert found.kinds == {
        "a step does not hold": 1,
        "the answer is told in another unit": 1,
        "the answer is in no step": 1,
    }


def test_headlines_told_twice(tmp_path: Path) -> None:
    rows = [
        {"title": "Acme slips", "entities": {"Acme": "negative", "Zeta": "neutral"}},
        {"title": "Acme slips!", "entities": {"Acme": "neutral"}},
    ]
    lines(tmp_path / "sentfin" / "train.jsonl", rows)
    found = gold.public("sentfin", tmp_path)
    assert (found.quality.clashing, found.faults) == (1, 1)
    (tmp_path / "tfns").mkdir()
    with (tmp_path / "tfns" / "sent_train.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([["text", "label"], ["Up https://t.co/a", 1], ["up https://t.co/b", 2]])
    assert gold.public("tfns", tmp_path).quality.clashing == 1


def test_sets_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read finqa"):
        gold.public("finqa", tmp_path)
    with pytest.raises(ConfigError, match="there are some of finqa"):
        gold.public("hotpot", tmp_path)


@pytest.mark.parametrize("job", ["sentiment", "extraction", "calculation"])
def test_generated_gold_is_right_by_both_judges(job: str) -> None:
    assert gold.generated(registry.task(job), "templates", 20, 3).faults == 0


# --- the sheet ------------------------------------------------------------------------------------


def reply(job: str, number: int, right: bool, arm: str = "adapter") -> Reply:
    sample = Sample(
        arm=arm, run=1, paper="templates", question=f"q{number}", company="c", template="t",
        draw=0, output=f"said {number}", score=float(right),
    )  # fmt: skip
    return Reply(
        job=job, sample=sample, asked=f"question, {number}\nof two lines", gold="g", answer="a",
        reward=right,
    )  # fmt: skip


def test_half_of_each_job_is_judged_wrong_where_there_is_so_much(tmp_path: Path) -> None:
    replies = [reply("one", n, n % 3 > 0) for n in range(90)]
    replies += [reply("two", n, n >= 2) for n in range(90)]
    rows = audit.sheet(replies, 40, seed=1)
    counted = {(r.job, r.score): 0 for r in rows}
    for row in rows:
        counted[row.job, row.score] += 1
    assert counted == {("one", 0): 10, ("one", 1): 10, ("two", 0): 2, ("two", 1): 18}
    assert len({(r.job, r.id) for r in rows}) == 40
    assert audit.sheet(replies, 40, seed=1) == rows
    audit.write(tmp_path / "audit.csv", rows)
    assert audit.read(tmp_path / "audit.csv") == rows
    with pytest.raises(DataError, match="nobody has read"):
        audit.audited(rows)
    with pytest.raises(DataError, match="are to be read"):
        audit.sheet(replies, 1_000)


def test_a_read_sheet_is_held_against_the_scorer(tmp_path: Path) -> None:
    rows = audit.sheet([reply("one", n, n % 2 > 0) for n in range(4)], 4)
    said = ["right" if row.score else "wrong" for row in rows]
    said[0] = "wrong" if rows[0].score else "right"
    said[1] = "unsure"
    read = [r.model_copy(update={"reader_verdict": v}) for r, v in zip(rows, said, strict=True)]
    found = audit.audited(read)
    assert (found.read, found.unsure, found.agreement.count) == (4, 1, 3)
    assert [d.number for d in found.differences] == [1, 2]
    path = tmp_path / "audit.csv"
    audit.write(path, [rows[0].model_copy(update={"reader_verdict": "perhaps"})])
    with pytest.raises(InputError, match="perhaps"):
        audit.read(path)
    path.write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(InputError, match="no audit sheet"):
        audit.read(path)


def test_the_committed_sheet_was_read_whole() -> None:
    rows = audit.read(commands.RESULTS / "audit.csv")
    found = audit.audited(rows)
    assert (found.read, len(found.by_job)) == (100, 5)
    assert all(count == 20 for count in found.by_job.values())


# --- real replies ---------------------------------------------------------------------------------


def test_the_released_weights_reply() -> None:
    papers = [p for p in drawn.sheets(["sentiment"], 3) if p.paper == "templates"]
    greedy = settings.named("greedy")
    told: list[str] = []
    made = asyncio.run(drawn.draw(registry.WEIGHTS, papers, greedy, samples=2, say=told.append))
    assert len(made) == 6
    assert len(told) == 2
    assert {r.sample.arm for r in made} == {"base", "adapter"}
    lots = {(r.sample.question, r.sample.draw_seed) for r in made}
    assert len(lots) == 3
    assert all(r.sample.decode == "greedy" and r.asked and r.gold for r in made)


def test_an_exports_replies_have_their_questions(tmp_path: Path) -> None:
    design = """
        specialist = "sentiment"
        start = "base"
        arms = [{name = "base", kind = "base"}, {name = "words", kind = "classical"}]
        contrasts = [{arm = "words", against = "base"}]
        papers = [{name = "templates", count = 4}]
    """
    (tmp_path / "small.toml").write_text(design, "utf-8")
    registered = load(tmp_path / "small.toml")
    asked = draw(registered, 9, access=None)["templates"]
    rows = [
        Sample(arm="base", run=1, paper="templates", question=q.id, company=q.company,
               template=q.template, draw=0, output="x", score=0.0)
        for q in asked
    ]  # fmt: skip
    with Samples.open(tmp_path / "samples.duckdb", registered) as samples:
        samples.add(rows)
        with pytest.raises(DataError, match="does not tell the seed"):
            exported.replies(samples, registered)
        samples.note(seed=9)
        made = exported.replies(samples, registered)
        assert {r.asked for r in made} == {drawn.worded(q.example) for q in asked}
        samples.note(seed=10)
        with pytest.raises(DataError, match="no question"):
            exported.replies(samples, registered)


# --- the page -------------------------------------------------------------------------------------


def test_the_page_is_that_of_the_committed_results(tmp_path: Path) -> None:
    kept = report.Sober.read(commands.RESULTS / "sober.json")
    assert kept.published is not None
    assert kept.published.tallies == report.reanalysed().tallies
    told = CliRunner().invoke(commands.sober, ["--page-only", "--docs", str(tmp_path)])
    assert told.exit_code == 0, told.output
    written = (tmp_path / "sober.md").read_text("utf-8")
    assert written == (commands.DOCS / "sober.md").read_text("utf-8")
    assert "Not made yet" not in written
    empty = page(report.Sober(made="", device="", commit="", adapters={}))
    assert empty.count("Not made yet") == 6


def test_a_sheet_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "audit.csv").write_text("read", "utf-8")
    told = CliRunner().invoke(commands.audit, ["--out", str(tmp_path / "audit.csv")])
    assert told.exit_code == ConfigError.exit_code
    assert "give another --out" in told.output
