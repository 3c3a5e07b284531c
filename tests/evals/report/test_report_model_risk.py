"""The model-risk pack: every section with the guidance that asks for it, every blank said."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from scipy.stats import binom

from evals.report import model_risk
from evals.report.commands import report
from evals.report.letters import visible
from evals.report.rendering import fenced, markdown
from evals.report.wording import points, signed
from specialists.foundation import signing
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.errors import RecordError
from specialists.foundation.records import RunRecord
from specialists.weights import WEIGHTS

HOSTILE = "</p><script>alert(1)</script> | **bold** [a](javascript:alert(2)) `code` \u202e"
Varied = Callable[..., DecisionRecord]
TITLES = [
    "Purpose and intended use",
    "Model inventory entry",
    "Data and lineage",
    "Method and assumptions",
    "Conceptual soundness",
    "Outcomes analysis",
    "Benchmarking against alternatives",
    "Limits and uncertainty",
    "Sensitivity",
    "Ongoing monitoring plan",
    "Change management",
    "Approvals",
    "Reproducibility",
]


@pytest.fixture(scope="module")
def shipped() -> tuple[RunRecord, str]:
    """A real adapter's run record and model card."""
    folder = WEIGHTS / "table_qa"
    return RunRecord.read(folder / "run.json"), (folder / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def about(adopting, varied: Varied, shipped: tuple[RunRecord, str]) -> DecisionRecord:
    return varied(adopting.record, adapter=shipped[0].digest)


@pytest.fixture(scope="module")
def whole(about: DecisionRecord, shipped: tuple[RunRecord, str]) -> model_risk.Pack:
    return model_risk.pack(about, run=shipped[0], card=shipped[1])


def rendered(text: str) -> str:
    """The Markdown as HTML, by CommonMark's own rules with tables, raw HTML allowed."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def test_the_sections_are_those_that_reviewers_expect(whole: model_risk.Pack) -> None:
    assert [section.title for section in whole.sections] == TITLES
    html = rendered(model_risk.markdown(whole))
    heads = re.findall(r"<h2>(.*?)</h2>", html)
    assert heads == [f"{place}. {title}" for place, title in enumerate(TITLES, 1)]


def test_each_section_cites_guidance_that_exists(whole: model_risk.Pack) -> None:
    # SR 11-7 has sections I to VII; SS1/23 the principles with these numbers.
    principles = {
        "1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2", "3.3", "3.4",
        "3.5", "3.6", "4.1", "4.2", "4.3", "4.4", "4.5", "5.1", "5.2", "5.3",
    }  # fmt: skip
    for section in whole.sections:
        letter, statement = section.source.split("; SS1/23 ")
        assert re.fullmatch(r"SR 11-7 section (IV|V|VI)(,.*| \(.*)", letter), section.title
        cited = re.findall(r"\d\.\d", statement)
        assert cited
        assert set(cited) <= principles
    assert "superseded on 17 April 2026 by SR 26-2" in model_risk.markdown(whole)


def test_it_is_filled_from_record_run_record_and_card(
    whole: model_risk.Pack, about: DecisionRecord, shipped: tuple[RunRecord, str]
) -> None:
    text = model_risk.markdown(whole)
    run, _ = shipped
    for told in (run.digest, run.started, about.base, about.id, about.samples.digest, run.command):
        assert told in text
    for gain in about.gains:
        assert signed(gain.mean) in text
    assert f"| rank | {run.recipe['rank']} |" in text
    assert "Licence of the adapter: apache-2.0." in text
    assert "Trained from nothing on a CPU." in text  # the card's limits
    low = about.finding("grpo-from-sft").accuracy.low
    assert f"below {points(low)}: the record's interval" in text


def test_what_nobody_told_is_said_to_be_blank_and_not_made_up(about: DecisionRecord) -> None:
    bare = model_risk.pack(about)
    blanks = {words for _, words in bare.blanks}
    for expected in ("Owner and developer.", "Approver.", "Licence of the adapter.",
                     "Tier, by materiality and complexity."):  # fmt: skip
        assert expected in blanks
    assert any("no run record" in words for words in blanks)
    text = model_risk.markdown(bare)
    assert text.count("**Blank.**") == len(bare.blanks)
    assert f"{len(bare.blanks)} things are left blank" in text
    assert "apache" not in text


def test_more_records_leave_fewer_blanks(whole: model_risk.Pack, about: DecisionRecord) -> None:
    assert len(whole.blanks) < len(model_risk.pack(about).blanks)


def test_approvals_stand_with_their_whole_fingerprint(adopting, tmp_path: Path) -> None:
    signing.new_key(tmp_path / "key")
    key = signing.private_key(tmp_path / "key")
    told = signing.sign(adopting.record, key, by="A. Reviewer", time="2026-11-26T09:00:00+00:00")
    made = model_risk.pack(told)
    text = model_risk.markdown(made)
    assert "| approved by | A. Reviewer |" in text
    assert signing.fingerprint(key.public_key()) in text
    assert "Approver." not in {words for _, words in made.blanks}


def test_a_run_record_of_another_adapter_is_refused(
    adopting, shipped: tuple[RunRecord, str]
) -> None:
    with pytest.raises(RecordError, match="the run record is of table_qa"):
        model_risk.pack(adopting.record, run=shipped[0])


def test_the_same_pack_is_the_same_bytes(
    whole: model_risk.Pack, about: DecisionRecord, shipped: tuple[RunRecord, str]
) -> None:
    again = model_risk.pack(about, run=shipped[0], card=shipped[1])
    assert model_risk.markdown(again) == model_risk.markdown(whole)
    assert model_risk.html(again) == model_risk.html(whole)


# --- words from outside -------------------------------------------------------------------------


def test_hostile_words_stay_text_in_markdown_and_html(adopting, varied: Varied) -> None:
    record = varied(adopting.record, reasons=(HOSTILE,), limits=(HOSTILE,), specialist=HOSTILE)
    made = model_risk.pack(record, card=f"# Card\n\n{HOSTILE}\n\n## Limits\n\n{HOSTILE}\n")
    for html in (rendered(model_risk.markdown(made)), model_risk.html(made)):
        assert "<script" not in html
        assert "javascript:" not in re.sub(r">[^<]*<", "><", html)  # in no tag
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "\u202e" not in html


@given(st.text(max_size=60))
def test_any_text_comes_back_from_markdown_as_it_was(words: str) -> None:
    html = rendered(f"x\n\n- {markdown(words)}\n") if words.strip() else ""
    cell = rendered(f"| a | b |\n|---|---|\n| {markdown(words)} | end |\n")
    wanted = " ".join(visible(words).split())

    def letters(told: str) -> str:
        plain = re.sub(r"<[^>]*>", "", told)
        for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
            plain = plain.replace(entity, letter)
        return " ".join(plain.split())

    assert letters(cell) == " ".join(f"a b {wanted} end".split())
    assert cell.count("<td>") == 2
    if html:
        assert letters(html) == f"x {wanted}"
        assert html.count("<li>") == 1


@given(st.text(alphabet="`~ab\n", max_size=40))
def test_nothing_ends_a_block_of_code_early(words: str) -> None:
    html = rendered(fenced(words) + "\n\nafter\n")
    assert html.count("<pre>") == 1
    assert html.endswith("<p>after</p>\n")


def test_a_card_is_read_by_its_headings() -> None:
    card = "---\nlicense: mit\ntags: [a]\n---\n\n# Name\n\nWhat it is.\n\n## Limits ##\n\nFew.\n"
    assert model_risk.card_parts(card) == {
        "license": "mit", "about": "What it is.", "limits": "Few.",
    }  # fmt: skip
    assert model_risk.card_parts("") == {}
    code = model_risk.card_parts("# A\n\n## Use\n\n```sh\n# no heading\n```\n")
    assert code == {"use": "```sh\n# no heading\n```"}


# --- monitoring ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("accuracy", "fall"), [(0.6, 0.03), (0.9, 0.03), (0.75, 0.1)])
def test_an_audit_of_that_size_finds_the_fall_as_often_as_told(
    accuracy: float, fall: float
) -> None:
    size = model_risk.audit_size(accuracy, fall)
    # Exactly, by the binomial: the largest count that happens in 5 % of audits without a fall.
    critical = binom.ppf(0.05, size, accuracy) - 1
    assert binom.cdf(critical, size, accuracy) <= 0.05
    found = binom.cdf(critical, size, accuracy - fall)
    assert found == pytest.approx(model_risk.DETECTED, abs=0.03)


# --- the command --------------------------------------------------------------------------------


def test_report_writes_both_forms_and_counts_the_blanks(
    about: DecisionRecord, whole: model_risk.Pack, tmp_path: Path
) -> None:
    about.write(tmp_path / "decision.json")
    folder = str(WEIGHTS / "table_qa")
    done = CliRunner().invoke(report, [str(tmp_path), "--model-risk", "--adapter", folder])
    assert done.exit_code == 0, done.output
    assert f"{len(whole.blanks)} things are left blank" in done.output
    assert (tmp_path / "model-risk.md").read_text("utf-8") == model_risk.markdown(whole)
    assert (tmp_path / "model-risk.html").read_text("utf-8") == model_risk.html(whole)


def test_report_refuses_another_adapters_folder(adopting, tmp_path: Path) -> None:
    adopting.record.write(tmp_path / "decision.json")
    told = [str(tmp_path), "--model-risk", "--adapter"]
    done = CliRunner().invoke(report, [*told, str(WEIGHTS / "table_qa")])
    assert done.exit_code == RecordError.exit_code
    assert "the decision is on 515151515151" in done.output
    done = CliRunner().invoke(report, [*told, str(tmp_path)])
    assert done.exit_code == RecordError.exit_code
    assert "an adapter's folder has one" in done.output
