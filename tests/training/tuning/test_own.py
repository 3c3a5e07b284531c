"""Data of one's own: read, checked line by line, agreed on, made into examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from specialists.foundation.digests import file_digest
from specialists.foundation.errors import InputError, NotFound
from training import jobs
from training.tuning import own

HEAD = "headline,company,sentiment\n"
ROWS = (
    "Acme profit climbs 12%,Acme,positive\n"
    '"Beta warns, again",Beta,negative\n'
    "Gamma names a new auditor,Gamma,Neutral\n"
)


def file(folder: Path, text: str | bytes, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def given(path: Path, job: str = "sentiment", workspace: str = "") -> own.Own:
    return own.examples(jobs.task(job), path, workspace)


def refused(path: Path, job: str = "sentiment") -> str:
    with pytest.raises(InputError) as caught:
        given(path, job)
    return str(caught.value)


def test_a_csv_becomes_examples(tmp_path):
    path = file(tmp_path, HEAD + ROWS)
    found = own.examples(jobs.task("sentiment"), path, licence="CC BY 4.0")
    assert [e.id for e in found.examples] == ["own/mine/2", "own/mine/3", "own/mine/4"]
    assert [e.company for e in found.examples] == ["Acme", "Beta", "Gamma"]
    assert [e.answer.sentiment for e in found.examples] == ["positive", "negative", "neutral"]
    assert found.examples[1].inputs.text == "Beta warns, again"
    assert found.examples[0].dialogue[-1].content == '{"sentiment": "positive"}'
    assert {e.source for e in found.examples} == {"own"}
    assert found.about == {
        "file": "mine.csv",
        "digest": file_digest(path),
        "licence": "CC BY 4.0",
        "rows": 3,
        "questions": 3,
        "examples": 3,
        "left_out": 0,
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mine.csv", b"\xef\xbb\xbf" + (HEAD + ROWS).encode()),
        ("mine.csv", (HEAD + ROWS).replace("\n", "\r\n")),
        ("mine.csv", (HEAD + ROWS) + "\n , ,\n"),
        (
            "mine.csv",
            (HEAD + ROWS)
            .replace('"Beta warns, again"', "Beta warns, again;x")
            .replace(",", ";")
            .replace("Beta warns; again;x", '"Beta warns, again"'),
        ),
        (
            "mine.tsv",
            (HEAD + ROWS)
            .replace('"Beta warns, again"', "Beta warns; again")
            .replace(",", "\t")
            .replace("warns;", "warns,"),
        ),
        (
            "mine.jsonl",
            "\n".join(
                json.dumps({"headline": h, "company": c, "sentiment": s})
                for h, c, s in [
                    ("Acme profit climbs 12%", "Acme", "positive"),
                    ("Beta warns, again", "Beta", "negative"),
                    ("Gamma names a new auditor", "Gamma", "neutral"),
                ]
            ),
        ),
    ],
    ids=["bom", "crlf", "blank lines", "semicolons", "tabs", "jsonl"],
)
def test_other_spellings_of_the_same_file(name, text, tmp_path):
    plain = given(file(tmp_path, HEAD + ROWS, "plain.csv")).examples
    other = given(file(tmp_path, text, name)).examples
    assert [(e.inputs, e.answer) for e in other] == [(e.inputs, e.answer) for e in plain]


def test_a_line_break_in_a_cell_keeps_the_count(tmp_path):
    path = file(tmp_path, HEAD + '"Acme\nclimbs",Acme,positive\nBeta falls,Beta,bad\n')
    assert "line 4: sentiment: 'bad' is none of positive, neutral, negative" in refused(path)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("mine.csv", "", "holds no rows"),
        ("mine.csv", HEAD, "holds no rows"),
        ("mine.txt", HEAD, "a file of .csv"),
        (
            "mine.csv",
            HEAD.encode() + b"Caf\xe9 up,Acme,positive\n",
            "line 2 is not UTF-8 (byte 0xe9)",
        ),
        ("mine.csv", (HEAD + ROWS).encode("utf-16"), "UTF-16: save it as UTF-8"),
        ("mine.csv", b"PK\x03\x04rest", "a spreadsheet"),
        (
            "mine.csv",
            HEAD + "Acme up, up,Acme,positive\n",
            "line 2: 4 cells where the header",
        ),
        ("mine.csv", HEAD + "Acme up,Acme\n", "line 2: 2 cells where the header has 3"),
        ("mine.csv", HEAD + '"Acme up,Acme,positive\n', "line 2: not CSV"),
        ("mine.csv", "headline,headline,sentiment\na,b,positive\n", "'headline' twice"),
        ("mine.csv", "headline,,sentiment\na,b,positive\n", "names the column ''"),
        (
            "mine.csv",
            "headline,sentimnet\na,positive\n",
            "sentimnet: an unknown column; is",
        ),
        ("mine.csv", "headline,company\na,b\n", "line 2: sentiment: missing"),
        ("mine.csv", HEAD + ",Acme,positive\n", "line 2: headline: empty"),
        ("mine.csv", HEAD + "Acme up,Acme,\n", "line 2: sentiment: empty"),
        ("mine.jsonl", '{"headline": "a", "sentiment": }\n', "line 1: not JSON"),
        ("mine.jsonl", '\n["a"]\n', "line 2: not an object"),
        ("mine.jsonl", '{"headline": "a", "headline": "b"}\n', "a key stands twice"),
        ("mine.jsonl", '{"headline": ["a"], "sentiment": "positive"}\n', "neither a text nor a"),
        ("mine.jsonl", '{"headline": "a", "sentiment": true}\n', "neither a text nor a number"),
    ],
)
def test_what_cannot_be_read_is_told(name, text, said, tmp_path):
    assert said in refused(file(tmp_path, text, name))


def test_a_file_that_is_not_there(tmp_path):
    assert "cannot read" in refused(tmp_path / "mine.csv")


def test_all_faults_are_told_at_once(tmp_path):
    rows = "".join(f"Acme {i},Acme,{'good' if i % 2 else 'positive'}\n" for i in range(60))
    said = refused(file(tmp_path, HEAD + rows))
    assert "30 faults; nothing was learned from it" in said
    assert said.count("line ") == 20
    assert "and 10 more, in lines 43, 45, 47, 49, 51, 53, 55, 57, 59, 61" in said


def test_ids_stand_once(tmp_path):
    head = "id," + HEAD
    said = refused(file(tmp_path, head + "a,Acme up,Acme,positive\na,Acme down,Acme,negative\n"))
    assert "line 3: id: 'a' stands in line 2 already" in said


def test_an_answer_that_fails_its_own_check_is_refused(tmp_path):
    path = file(tmp_path, HEAD + ROWS + "Nobody is named here,Delta,positive\n")
    assert (
        "line 5: the answer fails the check of sentiment: the text does not name Delta"
        in refused(path)
    )


def test_a_job_that_takes_none(tmp_path):
    task = jobs.task("sentiment")
    task.name = "nothing"  # type: ignore[misc]
    with pytest.raises(NotFound, match="takes no data of one's own"):
        own.examples(task, file(tmp_path, HEAD + ROWS))


# --- who is kept together -----------------------------------------------------------------------


def test_rows_without_a_company_go_by_their_question(tmp_path):
    text = "headline,sentiment\nMarkets rise,positive\nMarkets fall,negative\n"
    one, other = given(file(tmp_path, text)).examples
    assert one.company == other.company == ""
    assert one.template != other.template
    again = given(file(tmp_path, "headline,sentiment\nMarkets rise,positive\n", "again.csv"))
    assert again.examples[0].template == one.template


def test_a_group_counts_before_the_company(tmp_path):
    text = (
        "headline,company,sentiment,group\nAcme up,Acme,positive,desk 1\nBeta up,Beta,positive,\n"
    )
    assert [e.company for e in given(file(tmp_path, text)).examples] == ["desk 1", "Beta"]


# --- annotators ---------------------------------------------------------------------------------

LONG = """id,headline,company,annotator,sentiment
a,Acme up,Acme,ann,positive
a,Acme up,Acme,ben,positive
a,Acme up,Acme,cy,neutral
b,Beta down,Beta,ann,negative
b,Beta down,Beta,ben,negative
c,Gamma flat,Gamma,ann,neutral
c,Gamma flat,Gamma,ben,positive
d,Delta sold,Delta,cy,neutral
"""


def test_majority_is_gold_and_ties_are_left_out(tmp_path):
    found = given(file(tmp_path, LONG))
    assert [(e.id, e.answer.sentiment) for e in found.examples] == [
        ("own/mine/a", "positive"),
        ("own/mine/b", "negative"),
        ("own/mine/d", "neutral"),
    ]
    assert found.about["rows"] == 8
    assert found.about["questions"] == 4
    assert found.about["left_out"] == 1
    assert found.about["not_agreed"] == ["line 7: c"]
    told = found.about["agreement"]
    assert (told["annotators"], told["questions"], told["answered_once"]) == (3, 3, 1)
    assert told["agree"] == pytest.approx(2 / 5)
    assert "kappa" not in told  # not everyone answered everything


def test_wide_columns_say_the_same(tmp_path):
    wide = (
        "id,headline,company,sentiment_1,sentiment_2,answer_3\n"
        "a,Acme up,Acme,positive,positive,neutral\n"
        "b,Beta down,Beta,negative,negative,\n"
        "c,Gamma flat,Gamma,neutral,positive,\n"
        "d,Delta sold,Delta,,,neutral\n"
    )
    one = given(file(tmp_path, LONG, "mine.csv"))
    other = given(file(tmp_path, wide, "mine.csv"))
    assert [(e.id, e.answer) for e in one.examples] == [(e.id, e.answer) for e in other.examples]
    assert one.about["agreement"] == other.about["agreement"]


def test_two_annotators_have_a_kappa(tmp_path):
    """Cohen 1960: observed .7, by chance .5."""
    pairs = [("positive", "positive")] * 20 + [("positive", "negative")] * 5
    pairs += [("negative", "positive")] * 10 + [("negative", "negative")] * 15
    rows = "".join(f"Acme {i},Acme,{a},{b}\n" for i, (a, b) in enumerate(pairs))
    found = given(file(tmp_path, "headline,company,sentiment_1,sentiment_2\n" + rows))
    assert found.about["agreement"] == {
        "annotators": 2,
        "questions": 50,
        "answered_once": 0,
        "agree": 0.7,
        "left_out": 15,
        "kappa": 0.4,
    }
    assert len(found.examples) == 35


def test_alpha_of_a_published_example():
    """Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section C: nominal, four
    observers, missing values."""
    table = {
        "A": ["1", "2", "3", "3", "2", "1", "4", "1", "2", "*", "*", "*"],
        "B": ["1", "2", "3", "3", "2", "2", "4", "1", "2", "5", "*", "3"],
        "C": ["*", "3", "3", "3", "2", "3", "4", "2", "2", "5", "1", "*"],
        "D": ["1", "2", "3", "3", "2", "4", "4", "1", "2", "5", "1", "*"],
    }
    units = [{who: row[i] for who, row in table.items() if row[i] != "*"} for i in range(12)]
    told = own.agreement(list(table), units)
    assert told["alpha"] == pytest.approx(0.743, abs=5e-4)
    assert told["answered_once"] == 1


def test_one_label_leaves_nothing_to_correct_for_chance(tmp_path):
    rows = "".join(f"Acme {i},Acme,positive,positive\n" for i in range(3))
    found = given(file(tmp_path, "headline,company,sentiment_1,sentiment_2\n" + rows))
    assert found.about["agreement"]["agree"] == 1.0
    assert found.about["agreement"]["kappa"] is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "a,Acme up,Acme,ann,positive\na,Acme up,Acme,ann,negative\n",
            "line 3: annotator: 'ann' answered 'a' already",
        ),
        (
            "a,Acme up,Acme,ann,positive\na,Acme rises,Acme,ben,positive\n",
            "line 3: headline: not the same as in line 2",
        ),
        ("a,Acme up,Acme,ann,\n", "line 2: sentiment: empty"),
    ],
)
def test_annotators_rows_must_fit_together(rows, said, tmp_path):
    assert said in refused(file(tmp_path, "id,headline,company,annotator,sentiment\n" + rows))


def test_no_annotator_answered(tmp_path):
    text = "headline,company,sentiment_1,sentiment_2\nAcme up,Acme,,\n"
    assert "line 2: sentiment: no annotator gave an answer" in refused(file(tmp_path, text))


# --- cells --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("number", "1,234.5", 1234.5),
        ("number", " -3e2 ", -300.0),
        ("number", 7, 7.0),
        ("scale", "Million", 1e6),
        ("scale", 1000, 1000.0),
        ("year", "2021", 2021),
        ("year", 2021, 2021),
        ("value", "none", "none"),
        ("value", "Acme", "Acme"),
        ("value", "12.5", 12.5),
        ("text", 12, "12"),
        ("text", "  ", None),
        ("text", None, None),
        ("facts", "a = 1; b = 2\nc = 3", ["a = 1", "b = 2", "c = 3"]),
        ("facts", '[{"value": 1}]', [{"value": 1}]),
    ],
)
def test_cells(kind, raw, value):
    assert own.cell(own.Column("x", "", kind), raw) == value


@pytest.mark.parametrize(
    ("kind", "raw", "said"),
    [
        ("number", "12,5", "digits with a point"),
        ("number", "12 million", "unit and scale in columns of their own"),
        ("number", "nan", "no number"),
        ("number", "1,23,4", "no number"),
        ("scale", "lakh", "no number"),
        ("year", "21", "four digits"),
        ("year", "1821", "four digits"),
        ("facts", "[1", "not JSON"),
        ("facts", [1], "texts or of objects"),
        ("facts", 3, "texts or of objects"),
    ],
)
def test_cells_of_another_kind(kind, raw, said):
    with pytest.raises(own.AnswerError, match=said):
        own.cell(own.Column("x", "", kind), raw)


def test_every_job_says_its_columns():
    for name in ("sentiment", "extraction", "calculation", "planning", "table_qa", "maths"):
        form = own.format_of(name)
        assert sum(c.answer for c in form.COLUMNS) >= 1
        assert len({c.name for c in (*own.COMMON, *form.COLUMNS)}) == len(form.COLUMNS) + 3
        assert all(c.about for c in form.COLUMNS)
