"""How a sample is judged: by the judge of decisions, which no adapter was trained on.

``judged`` is for specialists' answers. What the job's own check thinks, which rewards come from,
stands beside the score as metadata; samples on which the two differ can be found in the viewer.
"""

from __future__ import annotations

from typing import Any

from inspect_ai.scorer import (
    Metric,
    Score,
    Scorer,
    Target,
    accuracy,
    ci,
    metric,
    scorer,
    stderr,
)
from inspect_ai.solver import TaskState
from pydantic import TypeAdapter

from evals.decision.scorer import right
from evals.inspection.papers import Paper
from evals.inspection.solver import ANSWER, PROBLEMS
from specialists import registry


@metric
def company_stderr() -> Metric:
    """Standard error with companies as clusters (Miller 2024, arXiv 2411.00640, appendix A)."""
    return stderr(cluster="company")


@metric
def template_stderr() -> Metric:
    """Standard error with sentence templates as clusters."""
    return stderr(cluster="template")


def metrics() -> list[Metric | dict[str, list[Metric]]]:
    """What is told of a paper's scores."""
    return [accuracy(), company_stderr(), template_stderr(), ci(cluster="company")]


def judging(paper: Paper) -> Scorer:
    """A scorer that judges a paper's answers."""
    task = registry.task(paper.job)

    @scorer(metrics=metrics(), name="judged")
    def judged() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            example = paper.examples[str(state.sample_id)]
            told = state.store.get(ANSWER)
            kind: TypeAdapter[Any] = TypeAdapter(type(example.answer))
            answer = None if told is None else kind.validate_python(told)
            verdict = right(paper.job, example, answer)
            check = task.score(example, answer)
            cut = state.output.stop_reason == "max_tokens"
            return Score(
                value=float(verdict),
                answer=state.output.completion or None,
                explanation=check.note or state.metadata.get("error") or None,
                metadata={
                    "parses": answer is not None,
                    "truncated": cut,
                    "problems": state.store.get(PROBLEMS, []),
                    "own_check": check.right,
                    "parts": dict(check.parts),
                    "tokens": state.token_usage,
                    "turns": state.metadata.get("turns", 0),
                },
            )

        return score

    return judged()
