"""The worked cases' vote in the planner: agreement, two readings, and what the user taught."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from router.config import CaseSettings
from router.planner import Drafted, Planner
from specialists.agent import Specialist
from specialists.cases import shelf
from specialists.cases.case import Case
from specialists.cases.own import Store, make
from specialists.cases.vote import Votes, packaged
from specialists.cases.voted import VotedPlanning
from specialists.foundation.contracts import Completion, Message, TokenLogprob, Usage
from specialists.planning.render import JOBS
from specialists.workspace.links import Linker
from specialists.workspace.synthetic import make_snapshot

WAYS = {
    ("m e p", "get m1 e1 p1"): ("what was the {m} of Alpha Corp in 2018 ?", "{m} Alpha Corp 2018"),
    ("m e p", "growth m1 e1 p1"): ("how fast did {m} of Alpha Corp grow in 2018 ?", "{m} growth"),
    ("e", "press e1"): ("what is the tone of the news on Alpha Corp ?", "press on Alpha Corp ?"),
}


class Writer:
    """Writes one reply, whatever it is asked."""

    model = "writer"

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.asked: list[str] = []

    async def chat(self, messages: Sequence[Message], **_: Any) -> Completion:
        self.asked.append(messages[-1].content)
        return Completion(
            message=Message(role="assistant", content=self.reply),
            finish_reason="stop",
            usage=Usage(calls=1),
            model=self.model,
            logprobs=(TokenLogprob(text="x", logprob=-0.1),),
        )

    async def aclose(self) -> None:
        return


@pytest.fixture(scope="module")
def linker() -> Linker:
    return Linker(make_snapshot(3, split="train", companies=4, years=range(2018, 2023)).catalogue)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    cases = [
        Case(question=lead + text.format(m=measure), signature=signature, plan=plan)
        for (signature, plan), texts in WAYS.items()
        for text, measure, lead in product(texts, ("revenue", "gross margin"), ("", "please , "))
    ]
    shelf.write(folder, list(dict.fromkeys(cases)), None, 0, 0)
    return folder


Draft = Callable[..., Any]


@pytest.fixture
def draft(linker: Linker, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Draft:
    monkeypatch.setenv("FINROUTE_HOME", str(tmp_path))

    async def run(question: str, engine: Writer, **settings: Any) -> Drafted:
        job = VotedPlanning(Votes(packaged("none"), library))
        planner = Planner(
            Specialist(job, engine),
            linker.catalogue,
            linker,
            tuple(JOBS),
            24,
            CaseSettings.model_validate({"sure": 0.5, **settings}),
        )
        firms = [company.name for company in linker.catalogue.companies]
        return await planner.draft(question.format(*firms), engine=engine)

    return run


ASKED = "What was the revenue of {1} in 2021?"


async def test_agreement_is_a_signal_and_changes_nothing(draft: Draft):
    drafted = await draft(ASKED, Writer("get <c1> <e1> <p1>"))
    assert [step.specialist for step in drafted.plan.subtasks] == ["table_qa"]
    assert drafted.signals.vote is True
    assert drafted.signals.vote_probability > 0.5
    assert drafted.signals.similarity > 0
    assert drafted.signals.log_probability == pytest.approx(-0.1)


async def test_two_readings_are_told_and_none_is_guessed(draft: Draft):
    drafted = await draft(ASKED, Writer("growth <c1> <e1> <p1>"))
    assert drafted.plan.subtasks == ()
    assert "two readings" in drafted.plan.note
    assert "By what percentage did the revenue" in drafted.plan.note
    assert "Or: What was the revenue" in drafted.plan.note
    assert drafted.signals.vote is False
    assert drafted.signals.vote_probability < 0.5


async def test_a_disagreement_may_be_a_signal_alone(draft: Draft):
    drafted = await draft(ASKED, Writer("growth <c1> <e1> <p1>"), disagreement="signal")
    assert len(drafted.plan.subtasks) == 3
    assert drafted.signals.vote is False


async def test_an_unsure_vote_withholds_nothing(draft: Draft):
    drafted = await draft(ASKED, Writer("growth <c1> <e1> <p1>"), sure=1.0)
    assert len(drafted.plan.subtasks) == 3


async def test_what_the_user_taught_is_shown_and_followed(draft: Draft, linker: Linker):
    firm = linker.catalogue.companies[0].name
    question = f"What is the zorblax multiple of {firm} in 2021?"
    Store().add([make(None, question, "cash / inventory", linker)])
    writer = Writer("none")
    drafted = await draft("What is the zorblax multiple of {2} in 2019?", writer, own=0.3)
    assert writer.asked[0].startswith("<o1> what is the zorblax multiple of alpha corp in 2018 ? |")
    *_, last = drafted.plan.subtasks
    assert last.inputs["operation"] == "ratio"
    assert drafted.signals.vote is False
    pointed = await draft(
        "What is the zorblax multiple of {2} in 2019?", Writer("<o1> <e1> <p1>"), own=0.3
    )
    assert pointed.signals.vote is True
    assert pointed.plan == drafted.plan
