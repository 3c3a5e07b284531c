"""The tasks: one a specialist, one for the whole router, and public sets that no specialist does.

    inspect eval evals/inspection/tasks.py@table_qa --model finroute/embedded
    inspect eval evals/inspection/tasks.py@maths -T samples=8 --model finroute/embedded
    inspect eval evals/inspection/tasks.py@sentiment -T public=tfns --model openai/gpt-5-mini
    inspect view

What a task can be told stands in ``asked.Asked``: ``-T fold=companies -T count=300 -T samples=4``.
"""

from __future__ import annotations

from typing import Any

from inspect_ai import Task, task

from evals.inspection import routed, shortly
from evals.inspection.asked import Asked, decoding, disclosed, epochs
from evals.inspection.model import finroute  # the provider is there where the tasks are
from evals.inspection.scorer import judging
from evals.inspection.solver import asking

__all__ = [
    "calculation",
    "extraction",
    "financebench",
    "finroute",
    "mathematics",
    "maths",
    "planning",
    "router",
    "sentiment",
    "table_qa",
]

MOST = {"compact": 192, "full": 2_000}
"""Tokens of a reply: what serving grants a tuned model, and a chat model."""


def specialist(job: str, told: dict[str, Any]) -> Task:
    """A specialist's questions, put by the loop that serves and judged by the judge of decisions.

    Raises:
        ConfigError: a setting there is not, or no questions.
        InputError: a file or a set that is not what it must be.
    """
    asked = Asked.parse(told, origin=f"-T of {job}")
    paper = asked.paper(job)
    return Task(
        dataset=paper.dataset,
        solver=asking(paper, asked.form, asked.draws),
        scorer=judging(paper),
        config=decoding(asked.samples, MOST[asked.form or "compact"]),
        epochs=epochs(asked.samples),
        # A breakdown is no wrong answer: the others finish, and the log says that one failed.
        fail_on_error=True,
        continue_on_fail=True,
        metadata=disclosed(job, paper, asked.model_dump(mode="json")),
        name=job,
    )


@task
def sentiment(**told: Any) -> Task:
    """How a headline bears on a company: positive, neutral or negative."""
    return specialist("sentiment", told)


@task
def extraction(**told: Any) -> Task:
    """One figure out of a passage, with its year, or that it is not told."""
    return specialist("extraction", told)


@task
def table_qa(**told: Any) -> Task:
    """Questions on tables, answered with SQL and a calculator."""
    return specialist("table_qa", told)


@task
def calculation(**told: Any) -> Task:
    """A calculation over given figures, as a program."""
    return specialist("calculation", told)


@task
def planning(**told: Any) -> Task:
    """From a question to a plan of steps."""
    return specialist("planning", told)


@task
def maths(**told: Any) -> Task:
    """Arithmetic word problems of six levels; public problems whose answer is a number."""
    return specialist("maths", told)


@task
def router(**told: Any) -> Task:
    """The whole router over the demo workspace, on questions in free wording with gold answers."""
    return routed.task(told)


@task
def mathematics(**told: Any) -> Task:
    """A public set of problems with short answers, asked of any chat model."""
    return shortly.mathematics(told)


@task
def financebench(**told: Any) -> Task:
    """Questions on pages of annual reports; words are judged by a model, if one is named."""
    return shortly.financebench(told)
