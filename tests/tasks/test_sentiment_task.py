"""Headlines in, one balance out."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from specialists.foundation.contracts import Span, Subtask
from specialists.foundation.errors import NotFound
from specialists.sentiment.check import SentimentAnswer
from specialists.sentiment.render import SentimentInputs
from specialists.sentiment.task import HEADLINES, SentimentTask
from specialists.task import Outcome
from specialists.workspace.catalogue import Catalogue, Company, Document, Title
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.toolbox import Toolbox

TASK = SentimentTask()


def headline(number: int, text: str, company: str, year: int) -> Document:
    return Document(
        id=f"h{number}",
        title=text,
        kind="headline",
        company=company,
        year=year,
        published=date(year, 1 + number % 12, 1),
        text=text,
    )


def toolbox(*documents: Document) -> Toolbox:
    companies = (
        Company(name="Acme Systems", ticker="ACM", aliases=("Acme",)),
        Company(name="Boro Foods", ticker="BRF"),
    )
    titles = tuple(
        Title(**{k: v for k, v in d.model_dump().items() if k in Title.model_fields})
        for d in documents
    )
    catalogue = Catalogue(
        workspace="test",
        version="1",
        as_of=date(2024, 6, 30),
        companies=companies,
        tables=(),
        documents=titles,
    )
    return Toolbox(Snapshot(catalogue, {}, documents), Sandbox())


def outcome(
    label: str, confidence: float | None = 0.8, text: str = "Acme moves"
) -> Outcome[Any, Any]:
    span = Span(document="d", start=0, end=len(text), text=text)
    inputs = SentimentInputs(text=text, entity="Acme", span=span)
    return Outcome(inputs, SentimentAnswer(sentiment=label), (span,), confidence)  # type: ignore[arg-type]


ASKED = Subtask(
    id="s1",
    specialist="sentiment",
    instruction="sentiment of news about Acme",
    inputs={"company": "Acme"},
)


async def test_every_headline_of_the_company_and_year_is_read() -> None:
    tools = toolbox(
        headline(1, "Acme wins order from Boro Foods", "Acme Systems", 2022),
        headline(2, "ACM shares slide", "Acme Systems", 2022),
        headline(3, "Acme opens plant", "Acme Systems", 2021),
        headline(4, "Boro Foods recalls jam", "Boro Foods", 2022),
    )
    subtask = ASKED.model_copy(update={"inputs": {"company": "acm", "period": 2022}})
    found = await TASK.gather(subtask, {}, tools)
    assert {i.text for i in found} == {"Acme wins order from Boro Foods", "ACM shares slide"}
    assert {i.entity for i in found} == {"Acme Systems"}
    won = next(i for i in found if "wins" in i.text)
    assert won.others == ("Boro Foods",)
    assert won.span is not None
    assert won.span.document == "h1"
    prompt = TASK.begin(won).messages[1].content
    assert prompt == "<e1> wins order from <e2>"


async def test_no_more_headlines_than_can_be_read_and_the_latest_first() -> None:
    many = [headline(n, f"Acme note {n}", "Acme Systems", 2010 + n // 3) for n in range(36)]
    found = await TASK.gather(ASKED, {}, toolbox(*many))
    assert len(found) == HEADLINES
    years = [i.span.known_at.year for i in found if i.span and i.span.known_at]
    assert min(years) >= 2018


async def test_an_unknown_company_is_an_honest_not_found() -> None:
    subtask = ASKED.model_copy(update={"inputs": {"company": "Zebra"}})
    with pytest.raises(NotFound, match="Zebra"):
        await TASK.gather(subtask, {}, toolbox())


async def test_no_headline_means_abstaining() -> None:
    found = await TASK.gather(ASKED, {}, toolbox())
    assert found == []
    conclusion = TASK.conclude(ASKED, [])
    assert conclusion.status == "abstained"
    assert "no headlines" in conclusion.reason


async def test_a_text_given_by_the_plan_is_judged_itself() -> None:
    subtask = ASKED.model_copy(update={"inputs": {"company": "Acme", "text": "Acme soars"}})
    assert await TASK.gather(subtask, {}, toolbox()) == [
        SentimentInputs(text="Acme soars", entity="Acme")
    ]


def test_the_balance_names_its_counts_and_sources() -> None:
    outcomes = [outcome("positive", 0.9)] * 5 + [outcome("neutral")] * 2 + [outcome("negative")]
    conclusion = TASK.conclude(ASKED, outcomes)
    assert conclusion.value == "positive: 5 positive, 2 neutral, 1 negative of 8 headlines"
    assert len(conclusion.evidence) == 8
    assert conclusion.confidence is not None
    assert 0.9 < conclusion.confidence < 1


def test_a_tie_goes_to_the_surer_side_and_is_unsure() -> None:
    outcomes = [outcome("positive", 0.6)] * 3 + [outcome("negative", 0.9)] * 3
    conclusion = TASK.conclude(ASKED, outcomes)
    assert conclusion.value == "negative: 3 positive, 3 negative of 6 headlines"
    assert conclusion.confidence is not None
    assert 0.6 < conclusion.confidence < 0.8


def test_unanswered_headlines_do_not_count() -> None:
    failed = Outcome(SentimentInputs(text="x", entity="Acme"), None, error="cut off")
    assert (
        TASK.conclude(ASKED, [outcome("negative"), failed]).value
        == "negative: 1 negative of 1 headline"
    )
    assert TASK.conclude(ASKED, [failed]).status == "abstained"
