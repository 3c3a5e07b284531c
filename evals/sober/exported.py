"""Replies of a decision's export, with the questions' words and gold beside them.

An export holds what was said and no questions: those are drawn again from the design and the seed
that the export tells, so that nobody can read other questions into it.
"""

from __future__ import annotations

from pathlib import Path

from evals.decision import questions
from evals.decision.design import Registered
from evals.decision.samples import SAMPLED, Samples
from evals.sober.drawn import Reply, told, worded
from specialists.foundation.errors import DataError


def replies(
    samples: Samples, registered: Registered, *, data: Path | None = None, decode: str = SAMPLED
) -> list[Reply]:
    """All judged replies of the test's papers.

    Args:
        data: folder of public data, where a paper is public.

    Raises:
        DataError: the export tells no seed, or a reply's question is not among those drawn.
    """
    study = samples.study
    if "seed" not in study:
        raise DataError("this export does not tell the seed of its questions")
    drawn = questions.draw(registered, study["seed"], data=data, access=None)
    task = questions.job(registered.design)
    made: list[Reply] = []
    for paper in registered.design.papers:
        examples = {q.id: q.example for q in drawn[paper.name]}
        for sample in samples.rows(paper=paper.name, decode=decode):
            if sample.score is None:
                continue
            example = examples.get(sample.question)
            if example is None:
                raise DataError(f"{paper.name} has no question {sample.question}")
            made.append(
                Reply(
                    job=task.name,
                    sample=sample,
                    asked=worded(example),
                    gold=told(example.answer),
                    answer="",
                    reward=bool(sample.figures.get("reward_right", sample.score)),
                )
            )
    return made
