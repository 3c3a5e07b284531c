"""What a task can be told (``-T name=value``), and what its log discloses of itself.

Decoding is inspect's own affair (``--temperature``, ``--max-tokens`` …): a task sets a default, and
the log holds what was used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inspect_ai import Epochs
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import ScoreReducer, mean_score, pass_at, pass_k
from pydantic import Field, field_validator

from evals import questions
from evals.decision import scorer as judge
from evals.inspection import papers
from evals.inspection.papers import Paper
from specialists import registry
from specialists.engines.template import CHAT_TEMPLATE
from specialists.foundation.config import Config
from specialists.foundation.digests import digest, file_digest
from specialists.task import Form

DATA = "FINROUTE_DATA"
"""Names the folder of public data, where ``data`` does not."""


class Asked(Config):
    """What is asked of a specialist, and how often."""

    fold: str = "templates"
    """Of generated questions: companies, templates or dev."""
    slice: str = ""
    """Part of the generated questions; empty: all there are."""
    public: str = ""
    """A public set (``evals/public/catalogue.py``) in place of generated questions."""
    source: str = ""
    """Of the public set: a file, a folder, a hub id, or ``hub``; empty: the data folder."""
    data: str = ""
    """The data folder."""
    file: str = ""
    """Questions of one's own, CSV or JSONL, in place of generated ones."""
    workspace: str = ""
    """That questions of one's own are about, where the job reads one."""
    count: int = Field(default=100, ge=1)
    """Questions, at most."""
    seed: int = questions.SEED
    """Of generated questions."""
    form: Form | None = None
    """How the job is put; by default compact for models tuned to it, full for all others."""
    samples: int = Field(default=1, ge=1)
    """Replies to each question; more than one are drawn at temperature 1."""
    draws: int = 0
    """Seed of the draws."""

    @field_validator("slice", mode="before")
    @classmethod
    def _as_text(cls, told: object) -> object:
        """The command line makes a number of ``slice=1``."""
        return str(told) if isinstance(told, int) else told

    def paper(self, job: str) -> Paper:
        """The questions."""
        if self.file:
            return papers.own(job, self.file, self.workspace, self.count)
        if self.public:
            return papers.public(job, self.public, self.source, folder(self.data), self.count)
        return papers.generated(job, self.fold, self.slice, self.count, self.seed)


def folder(told: str) -> Path | None:
    """The data folder: as told, else as the environment says."""
    name = told or os.environ.get(DATA, "")
    return Path(name) if name else None


def decoding(samples: int, max_tokens: int) -> GenerateConfig:
    """The default: greedy for one reply, temperature 1 for several."""
    heat = 1.0 if samples > 1 else 0.0
    return GenerateConfig(temperature=heat, top_p=1.0, max_tokens=max_tokens)


def epochs(samples: int) -> Epochs:
    """Samples of each question, and what is told of them: the mean, pass@k and pass^k.

    Both by the unbiased estimators: Chen et al. 2021, arXiv 2107.03374, and Yao et al. 2024, arXiv
    2406.12045, for k of 2, 4, 8 … up to the number of samples.
    """
    reducers: list[ScoreReducer] = [mean_score()]
    k = 2
    while k <= samples:
        reducers += [pass_at(k), pass_k(k)]
        k *= 2
    return Epochs(samples, reducers)


def disclosed(job: str, paper: Paper, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What decides a score beside the weights and the decoding, as the task's metadata.

    Hochlehnert et al. 2025 ("A Sober Look", arXiv 2504.07086) ask that prompts and decoding be
    fixed and told. The dialogue's opening is told for each sample as well (``solver.written``).
    """
    task = registry.task(job)
    first = next(iter(paper.examples.values()))
    return {
        "job": job,
        "paper": {"name": paper.name, "questions": len(paper.examples), "digest": paper.digest},
        "asked": dict(asked),
        "instructions": {"text": task.instructions, "digest": digest(task.instructions)},
        "chat_template": {
            "digest": file_digest(CHAT_TEMPLATE),
            "of": "the embedded base; an adapter or another model may bring its own",
        },
        "prompts": {
            form: digest(
                [[m.role, m.content] for m in task.begin(first.inputs, form=form).messages]
            )
            for form in ("compact", "full")
        },
        "judge": {"name": "evals.decision.scorer", "digest": file_digest(Path(judge.__file__))},
    }
