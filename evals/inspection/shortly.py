r"""Public sets with short answers, put to any chat model: mathematics, and FinanceBench.

No specialist does these, so a model is asked in one message and answers in one. The wording of the
prompts is fixed here and stands in the log.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import (
    CORRECT,
    Score,
    Scorer,
    Target,
    accuracy,
    ci,
    model_graded_qa,
    scorer,
    stderr,
)
from inspect_ai.solver import TaskState, generate
from pydantic import Field

from evals.inspection.asked import decoding, epochs, folder
from evals.public import filings as banks
from evals.public import problems as sets
from evals.public.catalogue import published
from evals.public.filings import Filing
from evals.public.problems import Problem
from specialists.foundation.config import Config
from specialists.foundation.digests import digest

PROBLEM = (
    "Solve the following problem. Reason step by step, and put your final answer within "
    "\\boxed{{}}.\n\n{problem}"
)
FILING = (
    "Answer the question from these pages of {company}'s report ({document}). Reason briefly, and "
    'end with a line "Answer: …" that holds the answer alone.\n\n{pages}\n\nQuestion: {question}'
)


class Shortly(Config):
    """What is asked."""

    set: str = "math500"
    """A public set of problems."""
    source: str = ""
    """A file, a folder, a hub id, or ``hub``; empty: the data folder, else nothing."""
    data: str = ""
    count: int = Field(default=1_000, ge=1)
    samples: int = Field(default=1, ge=1)
    max_tokens: int = Field(default=32_768, ge=1)
    """Of a reply; as in "A Sober Look" (arXiv 2504.07086)."""
    judge: str = ""
    """Model that judges answers in words (FinanceBench); empty: they are not scored."""


def mathematics(told: Mapping[str, Any]) -> Task:
    """Problems of a public set.

    Raises:
        ConfigError: a setting there is not, or a set of something else.
        InputError: its rows are not what they must be.
    """
    asked = Shortly.parse(dict(told), origin="-T of mathematics")
    found = sets.problems(asked.set, source=asked.source or None, data=folder(asked.data))
    problems = {each.id: each for each in itertools.islice(found, asked.count)}
    samples = [
        Sample(
            input=PROBLEM.format(problem=each.problem),
            target=each.answer,
            id=each.id,
            metadata={"source": each.source, "subject": each.subject, "level": each.level},
        )
        for each in problems.values()
    ]
    return _task("mathematics", asked, samples, _solved(problems), PROBLEM)


def _solved(problems: Mapping[str, Problem]) -> Scorer:
    @scorer(metrics=[accuracy(), stderr(), ci()], name="equal")
    def equal() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            problem = problems[str(state.sample_id)]
            said = sets.final(state.output.completion)
            return Score(
                value=float(sets.right(problem, state.output.completion)),
                answer=said,
                explanation=None if said is not None else "no answer in a box",
                metadata=_length(state),
            )

        return score

    return equal()


def financebench(told: Mapping[str, Any]) -> Task:
    """FinanceBench's questions with their evidence pages.

    Raises:
        ConfigError: a setting there is not.
        InputError: its rows are not what they must be.
    """
    asked = Shortly.parse(dict(told), origin="-T of financebench")
    found = banks.filings(asked.source or None, folder(asked.data))
    filings = {each.id: each for each in itertools.islice(found, asked.count)}
    samples = [
        Sample(
            input=FILING.format(
                company=each.company,
                document=each.document,
                pages="\n\n".join(each.pages),
                question=each.question,
            ),
            target=each.answer,
            id=each.id,
            metadata={
                "company": each.company,
                "kind": each.kind,
                "figure": each.figure is not None,
            },
        )
        for each in filings.values()
    ]
    return _task("financebench", asked, samples, _figures(filings, asked.judge), FILING)


def _figures(filings: Mapping[str, Filing], judge: str) -> Scorer:
    reader = model_graded_qa(model=judge) if judge else None

    @scorer(metrics=[accuracy(), stderr(cluster="company"), ci(cluster="company")], name="answered")
    def answered() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            said = sets.final(state.output.completion)
            verdict = banks.right(filings[str(state.sample_id)], said or "")
            if verdict is not None:
                return Score(value=float(verdict), answer=said, metadata=_length(state))
            if reader is None:
                return Score.unscored(
                    answer=said, reason="words", explanation="gold is in words: name a judge"
                )
            told = await reader(state, target)
            if told is None:
                return Score.unscored(answer=said, reason="judge", explanation="no verdict")
            return told.model_copy(update={"value": float(told.value == CORRECT)})

        return score

    return answered()


def _length(state: TaskState) -> dict[str, Any]:
    """For response length against error, and how many replies were cut."""
    used = state.output.usage
    return {
        "tokens": used.output_tokens if used else 0,
        "truncated": state.output.stop_reason == "max_tokens",
    }


def _task(name: str, asked: Shortly, samples: list[Sample], judged: Scorer, prompt: str) -> Task:
    about = published(asked.set if name == "mathematics" else banks.NAME)
    return Task(
        dataset=MemoryDataset(samples, name=about.name),
        solver=generate(),
        scorer=judged,
        config=decoding(asked.samples, asked.max_tokens),
        epochs=epochs(asked.samples),
        fail_on_error=True,
        continue_on_fail=True,
        metadata={
            "asked": asked.model_dump(mode="json"),
            "set": {"title": about.title, "licence": about.licence, "paper": about.paper},
            "questions": {"count": len(samples), "digest": digest([s.input for s in samples])},
            "prompt": {"text": prompt, "digest": digest(prompt)},
        },
        name=name,
    )
