"""The page: the verdict first, every figure of the record on it, nothing from outside, the same
bytes every time, and whatever a model or a person wrote harmless.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evals.report import wording
from evals.report.commands import compare as compare_command
from evals.report.commands import report as report_command
from evals.report.compare import page as compare_page
from evals.report.compare import text as compare_text
from evals.report.formulas import FORMULAS
from evals.report.letters import visible
from evals.report.page import page
from evals.report.seen import lengths, seen
from specialists.foundation import signing
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.digests import canonical
from specialists.foundation.errors import DataError, InputError, RecordError

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"' & {{ 7*7 }} \u202egnp"
VOID = {"meta", "br", "img", "hr", "input", "link", "base"}
Varied = Callable[..., DecisionRecord]


class Outline(HTMLParser):
    """What a page has in it, by the standard library's own parser."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def shown(adopting) -> str:
    return page(adopting.record, adopting.seen)


def test_the_verdict_comes_first_in_one_sentence(adopting, shown: str) -> None:
    body = shown[shown.index("<body>") :]
    first = re.search(r"<h1>(.*?)</h1>", body)
    assert first is not None
    assert first[1].startswith("Adopt grpo-from-sft for table_qa: it gains +")
    assert body.index("<h1>") < body.index("<h2")
    assert body.index(">Why<") < body.index(">Gains<")
    assert all(reason in Outline(shown).text for reason in adopting.record.reasons)


def test_it_needs_nothing_but_itself(shown: str) -> None:
    outline = Outline(shown)
    assert not outline.open
    assert not {"script", "link", "img", "iframe", "object", "embed", "form"} & set(outline.tags)
    for tag, name, value in outline.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("href", "src", "xlink:href"):
            assert value.startswith("#")
    assert "url(" not in shown
    assert "@import" not in shown
    assert "default-src &#39;none&#39;" in shown or "default-src 'none'" in shown


def test_ids_are_unique_and_everything_that_is_named_is_there(shown: str) -> None:
    outline = Outline(shown)
    assert len(set(outline.ids)) == len(outline.ids)
    for _, name, value in outline.attributes:
        if name == "aria-labelledby":
            assert set(value.split()) <= set(outline.ids)
        if name == "href":
            assert value[1:] in outline.ids


def test_each_plot_has_a_table_and_words(adopting, shown: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", shown, re.DOTALL)
    assert len(figures) == 7
    assert all("<table>" in figure and "<svg" in figure for figure in figures)
    panels = len({(c["arm"], c["against"]) for c in adopting.record.design_text["contrasts"]})
    svgs = re.findall(r'<svg class="plot" id="([^"]+)"', shown)
    expected = ["forest", "cost", "latency", "seeds"]
    expected += [f"companies-{n}" for n in range(1, panels + 1)]
    assert svgs == [*expected, "lengths", "passes", "power"]
    for each in svgs:
        assert f'<title id="{each}-title">' in shown
        assert f'<desc id="{each}-desc">' in shown


def test_every_finding_is_on_it(adopting, shown: str) -> None:
    record, text = adopting.record, Outline(shown).text
    for gain in record.gains:
        assert wording.contrast(gain.arm, gain.against) in text
        assert wording.interval(gain.low, gain.high) in text
    for arm in record.arms:
        assert wording.measured(arm.accuracy) in text
        assert all(wording.points(run.accuracy) in text for run in arm.runs)
    for guard in record.guards:
        assert guard.paper in text
        assert wording.signed(guard.bound) in text
    for look in record.looks:
        assert wording.percent(look.share) in text
    assert all(row.name in text for row in record.screen.rows)
    assert all(told in text for told in (record.design, record.samples.digest, record.base))
    assert "the loss was no number at step 40" in text
    assert record.environment.cpu in text
    assert all(name in text for name in record.gains[0].by_company)


def test_each_formula_has_its_source(shown: str) -> None:
    text = Outline(shown).text
    for each in FORMULAS:
        assert each.name in text
        assert each.source in text
    for source in ("Cameron, Gelbach and Miller 2011", "Satterthwaite 1946", "Holm 1979",
                   "Lan and DeMets 1983", "Chen et al. 2021", "Miller 2024"):  # fmt: skip
        assert source in text


def test_the_same_record_and_samples_give_the_same_bytes(adopting, shown: str) -> None:
    again = DecisionRecord.model_validate_json(adopting.record.text())
    assert page(again, adopting.seen) == shown


def test_the_order_in_which_samples_come_changes_nothing(adopting, shown: str) -> None:
    rows = list(adopting.rows)
    random.Random(3).shuffle(rows)
    assert page(adopting.record, seen(rows)) == shown


def test_without_samples_it_says_what_is_left_out(adopting) -> None:
    told = page(adopting.record)
    assert 'id="lengths"' not in told
    assert 'id="forest"' in told
    assert "The samples were not at hand" in told


# --- what models and people wrote ---------------------------------------------------------------


WORDS = (
    "grpo-from-sft", "grpo", "table_qa", "several", "Company 07", "Two questions name a peer.",
    "AMD EPYC, 2 threads", "275fd99e0c1a+", "the loss was no number at step 40", "calls",
    "RL has little to work with", "company sign flip, given these runs",
)  # fmt: skip


def test_hostile_words_stay_text_wherever_they_stand(adopting) -> None:
    told = json.loads(canonical({"record": adopting.record.body()}))["record"]
    hostile = {word: f"{HOSTILE} {place}" for place, word in enumerate(WORDS)}

    def put(value: object) -> object:
        if isinstance(value, str):
            return hostile.get(value, value)
        if isinstance(value, dict):
            return {hostile.get(key, key): put(item) for key, item in value.items()}
        return [put(item) for item in value] if isinstance(value, list) else value

    record = DecisionRecord.model_validate(put(told))
    outline = Outline(page(record))
    assert not outline.open
    assert not {"script", "img"} & set(outline.tags)
    assert not [name for _, name, _ in outline.attributes if name.startswith("on")]
    # Shown for what they are: text, with the letter that would turn the line around made visible.
    assert "\u202e" not in outline.text
    for word in hostile.values():
        assert visible(word) in outline.text


def test_a_failed_sample_with_hostile_words_stays_text(adopting) -> None:
    row = adopting.rows[0]
    row = row.model_copy(update={"error": HOSTILE, "output": "</td></table>" + HOSTILE,
                                 "finish": "error"})  # fmt: skip
    outline = Outline(page(adopting.record, seen([row])))
    assert not outline.open
    assert not {"script", "img"} & set(outline.tags)
    assert "</td></table><script>" in outline.text


def test_hidden_letters_are_made_visible_and_others_left_alone() -> None:
    assert visible("Überschuß – €, 你好, ½ × 2") == "Überschuß – €, 你好, ½ × 2"
    assert visible("a\x00b\u200bc\u2066d\ue000") == "a⟨U+0000⟩b⟨U+200B⟩c⟨U+2066⟩d⟨U+E000⟩"
    assert visible("two\nlines") == "two\nlines"


# --- other verdicts -----------------------------------------------------------------------------


def test_keeping_the_start_says_what_came_closest(adopting, varied: Varied) -> None:
    record = varied(adopting.record, verdict="keep the start", adopted=None)
    told = wording.sentence(record)
    assert told.startswith("Keep constrained for table_qa: no arm is shown to be worth 3 points")
    gain = wording.leading(record)
    assert gain is not None
    own = [g.mean for g in record.gains if g.arm == gain.arm]
    assert gain.mean == min(own)
    assert "it is served only provisionally" in wording.standing(record)


def test_insufficient_evidence_says_what_would_settle_it(adopting, varied: Varied) -> None:
    record = varied(adopting.record, verdict="insufficient evidence", adopted=None,
                    needs=("sft: 9 training runs instead of 3",))  # fmt: skip
    text = Outline(page(record)).text
    assert "The evidence does not suffice" in text
    assert "What would settle it" in text
    assert "9 training runs instead of 3" in text


def test_a_quick_one_says_on_top_that_it_decides_nothing(adopting, varied: Varied) -> None:
    record = varied(adopting.record, quick=True)
    told = page(record)
    assert told.index("quick form: decides nothing") < told.index("<h1>")
    assert "The quick form justifies nothing" in told


def test_a_bare_record_has_a_page_too(adopting, varied: Varied) -> None:
    arms = [
        {**arm.model_dump(), "curve": (), "usd": None, "p50_s": None, "p95_s": None, "figures": {}}
        for arm in adopting.record.arms
    ]
    bare = varied(
        adopting.record, verdict="descriptive only", adopted=None, arms=arms, gains=(), guards=(),
        gates=(), looks=(), screen=None, power=None, contamination=None, portability=None,
        attempts=(), limits=(), adapter=None, run=None,
    )  # fmt: skip
    outline = Outline(page(bare))
    assert not outline.open
    assert "They decide nothing" in outline.text or "they decide nothing" in outline.text
    assert "Neither was measured." in outline.text
    assert "Nothing was trained for it." in outline.text


def test_approvals_are_shown_with_their_keys_and_their_absence_too(adopting, tmp_path) -> None:
    assert "Nobody has approved it" in page(adopting.record)
    signing.new_key(tmp_path / "key")
    key = signing.private_key(tmp_path / "key")
    signed = signing.sign(adopting.record, key, by="A. Reviewer", time="2026-11-26T09:00:00+00:00")
    text = Outline(page(signed)).text
    assert "A. Reviewer" in text
    assert signing.fingerprint(key.public_key()) in text


def test_a_record_whose_design_is_none_is_refused(adopting, varied: Varied) -> None:
    with pytest.raises(RecordError, match="the record's design is none"):
        page(varied(adopting.record, design_text={"specialist": "table_qa"}))


# --- what is read from samples ------------------------------------------------------------------


def test_lengths_are_those_of_right_and_of_wrong_replies(adopting) -> None:
    rows = [row for row in adopting.rows if row.arm == "distill"]
    replies = adopting.seen.replies["distill"]
    for right in (True, False):
        told = [row.tokens for row in rows if (row.score == 1) == right]
        found = lengths(replies, right=right)
        assert found is not None
        assert found[0] == len(told)
        # numpy's default is Hyndman and Fan's seventh; the statistics module calls it inclusive.
        assert found[1][2] == np.median(told)
        assert found[1] == pytest.approx(np.percentile(told, [10, 25, 50, 75, 90]))


def test_replies_that_nobody_judged_have_no_length(adopting) -> None:
    row = adopting.rows[0].model_copy(update={"score": None})
    found = seen([row]).replies[row.arm]
    assert lengths(found, right=True) is None
    assert lengths(found, right=False) is None


# --- figures in words ---------------------------------------------------------------------------


def test_figures_in_words() -> None:
    assert wording.points(-0.0004) == "0.0"
    assert wording.signed(0.0524) == "+5.2"
    assert wording.interval(-0.01, 0.093) == "−1.0 to +9.3"
    assert [wording.chance(p) for p in (0.0, 0.0123, 0.5, None)] == [
        "< 0.0001",
        "0.0123",
        "0.50",
        "—",
    ]
    assert [wording.usd(x) for x in (0.0, 0.00012, 1234.5)] == ["$0.00", "$0.00012", "$1,234.50"]
    assert [wording.seconds(x) for x in (0.0123, 4.5)] == ["12.3 ms", "4.5 s"]
    assert [wording.plain(x) for x in (5.1, 12345.0, float("inf"), None)] == [
        "5.1",
        "12,345",
        "—",
        "—",
    ]


# --- several side by side -----------------------------------------------------------------------


def test_records_stand_side_by_side(adopting, varied: Varied) -> None:
    other = varied(adopting.record, specialist="calculation", verdict="keep the start",
                   adopted=None)  # fmt: skip
    told = compare_text([adopting.record, other])
    assert "table_qa" in told
    assert "calculation" in told
    assert "These are different jobs" in told
    lines = told.splitlines()
    row = next(line for line in lines if line.startswith("calculation"))
    assert "keep the start" in row
    outline = Outline(compare_page([adopting.record, other]))
    assert not outline.open
    assert "Keep constrained for calculation" in outline.text


def test_two_records_of_one_job_are_told_apart_and_their_difference_is_no_test(
    adopting, varied: Varied
) -> None:
    samples = adopting.record.samples.model_copy(update={"digest": "ef" * 32})
    other = varied(adopting.record, samples=samples.model_dump(), quick=True)
    told = compare_text([adopting.record, other])
    assert f"table_qa {other.id[:6]}" in told
    assert "was not tested here" in told
    assert f"decides nothing: {other.id}" in told


def test_one_record_or_the_same_twice_is_no_comparison(adopting) -> None:
    with pytest.raises(InputError, match="two records or more"):
        compare_text([adopting.record])
    with pytest.raises(InputError, match="named twice"):
        compare_text([adopting.record, adopting.record])


# --- the commands -------------------------------------------------------------------------------


@pytest.fixture
def filed(adopting, tmp_path: Path) -> Path:
    """A folder as a decision leaves it."""
    adopting.record.write(tmp_path / "decision.json")
    (tmp_path / "samples").symlink_to(adopting.folder)
    return tmp_path


def test_report_writes_the_page_with_its_samples(filed: Path, shown: str) -> None:
    done = CliRunner().invoke(report_command, [str(filed)])
    assert done.exit_code == 0, done.output
    assert (filed / "decision.html").read_text("utf-8") == shown


def test_report_refuses_samples_of_another_record(adopting, filed: Path, varied: Varied) -> None:
    samples = adopting.record.samples.model_copy(update={"digest": "ef" * 32})
    varied(adopting.record, samples=samples.model_dump()).write(filed / "decision.json")
    done = CliRunner().invoke(report_command, [str(filed / "decision.json")])
    assert done.exit_code == DataError.exit_code
    assert "the record was made from efefefefefef" in done.output
    assert not (filed / "decision.html").exists()


def test_report_refuses_an_edited_record(filed: Path) -> None:
    path = filed / "decision.json"
    path.write_text(path.read_text("utf-8").replace('"verdict": "adopt"', '"verdict": "adopt" '))
    done = CliRunner().invoke(report_command, [str(path)])
    assert done.exit_code == RecordError.exit_code
    assert "edited" in done.output


def test_compare_writes_text_and_page(adopting, filed: Path, varied: Varied) -> None:
    other = filed / "other.json"
    varied(adopting.record, specialist="calculation").write(other)
    out = filed / "compare.html"
    done = CliRunner().invoke(compare_command, [str(filed), str(other), "--html", str(out)])
    assert done.exit_code == 0, done.output
    assert "calculation" in done.output
    assert "2 decisions, side by side" in out.read_text("utf-8")
