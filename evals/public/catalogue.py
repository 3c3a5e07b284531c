"""Which public sets there are: where each is published, under which licence, and its fields.

A table and no code that reads. Hub ids are where a set may be had from today; a local file of the
same form does as well, and is what a machine without a network takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from specialists.foundation.errors import NotFound

Kind = Literal["job", "problems", "filings"]
"""job: examples of a specialist · problems: mathematics with a short answer · filings: questions on
pages of annual reports, answered in words or a figure"""


@dataclass(frozen=True)
class Published:
    """A public set."""

    name: str
    title: str
    kind: Kind
    hub: str
    """Id on the Hugging Face hub; empty: it is not there."""
    split: str
    """Of the hub's, the one that is asked."""
    licence: str
    paper: str
    """The paper that published it."""
    fields: tuple[str, ...]
    """That a row must have; ``a|b``: one of them."""
    count: int
    """Questions of that split."""
    config: str | None = None
    revision: str | None = None
    """Of the hub's repository; None: its default branch."""
    jobs: tuple[str, ...] = ()
    """Specialists that can be asked, the usual one first."""
    at_home: str = ""
    """Its file in the data folder; empty: it is not kept there."""


SCRIPTED = "refs/convert/parquet"
"""Where the hub keeps the rows of a set whose own repository holds only a loading script."""

_ALL = (
    Published(
        name="finqa",
        title="FinQA",
        kind="job",
        hub="ibm-research/finqa",
        split="test",
        revision=SCRIPTED,
        licence="MIT",
        paper="Chen et al. 2021, arXiv 2109.00122",
        fields=("id", "question", "pre_text", "post_text", "table", "program", "exe_ans"),
        count=1147,
        jobs=("calculation", "table_qa", "extraction"),
        at_home="finqa/dev.jsonl",
    ),
    Published(
        name="tatqa",
        title="TAT-QA",
        kind="job",
        hub="next-tat/TAT-QA",
        split="validation",
        licence="data CC BY 4.0",
        paper="Zhu et al. 2021, arXiv 2105.07624",
        fields=("table", "paragraphs", "questions"),
        count=1668,
        jobs=("table_qa", "extraction"),
        at_home="tatqa/tatqa_dataset_dev.json",
    ),
    Published(
        name="sentfin",
        title="SEntFiN 1.0",
        kind="job",
        hub="",
        split="train",
        licence="MIT",
        paper="Sinha et al. 2022, arXiv 2305.12257",
        fields=("title|Title", "entities|Decisions"),
        count=10753,
        jobs=("sentiment",),
        at_home="sentfin/train.jsonl",
    ),
    Published(
        name="tfns",
        title="Twitter Financial News Sentiment",
        kind="job",
        hub="zeroshot/twitter-financial-news-sentiment",
        split="validation",
        licence="MIT",
        paper="none; the data card of zeroshot/twitter-financial-news-sentiment",
        fields=("text", "label"),
        count=2388,
        jobs=("sentiment",),
        at_home="tfns/sent_train.csv",
    ),
    Published(
        name="financebench",
        title="FinanceBench",
        kind="filings",
        hub="PatronusAI/financebench",
        split="train",
        licence="CC BY-NC 4.0",
        paper="Islam et al. 2023, arXiv 2311.11944",
        fields=("financebench_id", "company", "question", "answer", "evidence"),
        count=150,
    ),
    Published(
        name="gsm8k",
        title="GSM8K",
        kind="problems",
        hub="openai/gsm8k",
        config="main",
        split="test",
        licence="MIT",
        paper="Cobbe et al. 2021, arXiv 2110.14168",
        fields=("question", "answer"),
        count=1319,
        jobs=("maths",),
        at_home="gsm8k/train.jsonl",
    ),
    Published(
        name="math500",
        title="MATH-500",
        kind="problems",
        hub="HuggingFaceH4/MATH-500",
        split="test",
        licence="MIT",
        paper="Hendrycks et al. 2021, arXiv 2103.03874; the 500 of Lightman et al. 2023",
        fields=("problem", "answer"),
        count=500,
        jobs=("maths",),
    ),
    Published(
        name="aime24",
        title="AIME 2024",
        kind="problems",
        hub="HuggingFaceH4/aime_2024",
        split="train",
        licence="problems of the MAA; the set names none",
        paper="American Invitational Mathematics Examination 2024, I and II",
        fields=("problem|question", "answer"),
        count=30,
        jobs=("maths",),
    ),
    Published(
        name="aime25",
        title="AIME 2025",
        kind="problems",
        hub="math-ai/aime25",
        split="test",
        licence="Apache-2.0; problems of the MAA",
        paper="American Invitational Mathematics Examination 2025, I and II",
        fields=("problem|question", "answer"),
        count=30,
        jobs=("maths",),
    ),
    Published(
        name="amc23",
        title="AMC 2023",
        kind="problems",
        hub="math-ai/amc23",
        split="test",
        licence="problems of the MAA; the set names none",
        paper="American Mathematics Competitions 12 A and B, 2023, answers as integers",
        fields=("problem|question", "answer"),
        count=40,
        jobs=("maths",),
    ),
    Published(
        name="minerva",
        title="Minerva (OCWCourses)",
        kind="problems",
        hub="math-ai/minervamath",
        split="test",
        licence="CC BY-NC-SA 4.0 (OpenCourseWare)",
        paper="Lewkowycz et al. 2022, arXiv 2206.14858",
        fields=("problem|question", "answer"),
        count=272,
        jobs=("maths",),
    ),
    Published(
        name="olympiadbench",
        title="OlympiadBench",
        kind="problems",
        hub="Hothan/OlympiadBench",
        config="OE_TO_maths_en_COMP",
        split="train",
        licence="Apache-2.0",
        paper="He et al. 2024, arXiv 2402.14008; open-ended, text only, English",
        fields=("problem|question", "final_answer|answer"),
        count=674,
        jobs=("maths",),
    ),
)
SETS: Mapping[str, Published] = {each.name: each for each in _ALL}


def published(name: str) -> Published:
    """A set by its name.

    Raises:
        NotFound: there is none.
    """
    if name not in SETS:
        raise NotFound(f"no public set named {name!r}; there are {', '.join(SETS)}")
    return SETS[name]
