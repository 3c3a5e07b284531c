"""The vote's measures: what they count, on real held-out questions and a library made of others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evals.questions import Paper
from evals.votes import Share, measure
from specialists.agent import Specialist
from specialists.cases import shelf
from specialists.foundation.contracts import Completion, Message, Usage
from specialists.planning.task import TASK


class Parrot:
    """Writes the plan of every question that it was shown, and ``none`` for any other."""

    model = "parrot"

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known

    async def chat(self, messages: Sequence[Message], **_: Any) -> Completion:
        text = self.known.get(messages[-1].content, "none")
        return Completion(
            message=Message(role="assistant", content=text),
            finish_reason="stop",
            usage=Usage(calls=1),
            model=self.model,
        )

    async def aclose(self) -> None:
        return


def test_a_share_has_an_interval():
    share = Share.made([True, True, False, True])
    assert (share.right, share.of, share.share) == (3, 4, 0.75)
    assert share.low < 0.75 < share.high
    assert Share.made([]).of == 0


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    shelf.make(folder, encoder=None, examples=150)
    return folder


def test_agreement_splits_the_questions(library: Path):
    cases = shelf.load(library, encoder=None)
    assert cases is not None
    paper = Paper("planning", "dev", tuple(TASK.examples("dev", 40, 5)))
    silent = Specialist(TASK, Parrot({}))
    (told,) = asyncio.run(measure({"bm25": cases}, paper, silent))
    assert told.reader == "bm25"
    assert told.voted.of == told.shape.of == told.nearest.of <= 40
    assert told.sure[0][1].right == told.voted.right
    counts = [share.of for _, share in told.sure]
    assert counts == sorted(counts, reverse=True)
    assert told.model is not None
    assert told.agreed is not None
    assert told.differed is not None
    assert told.differed_voted is not None
    assert told.agreed.of + told.differed.of == told.model.of
    assert told.agreed.right + told.differed.right == told.model.right
    assert told.voted.right == told.agreed.right + told.differed_voted.right


def test_without_a_model_its_columns_are_empty(library: Path):
    cases = shelf.load(library, encoder=None)
    assert cases is not None
    paper = Paper("planning", "dev", tuple(TASK.examples("dev", 5, 5)))
    (told,) = asyncio.run(measure({"bm25": cases}, paper))
    assert (told.model, told.agreed) == (None, None)
