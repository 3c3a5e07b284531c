"""Classical arms: what a job's public test part gives without any language model."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from evals.questions import Paper
from specialists import registry


def classical(paper: Paper, root: Path) -> list[bool] | None:
    """TF-IDF with logistic regression, for sentiment; None for other jobs.

    It reads the same masked text that the specialist reads and learns from the same training part.
    """
    if paper.job != "sentiment":
        return None
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    task = registry.task(paper.job)
    loaders: Any = importlib.import_module(f"specialists.{paper.job}.loaders")
    train = list(loaders.load(task, root, "train", (paper.name,)))
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"[^\s]+"),
        LogisticRegression(C=4.0, max_iter=1000),
    )
    model.fit([_text(example) for example in train], [e.answer.sentiment for e in train])
    said = model.predict([_text(example) for example in paper.questions])
    return [
        bool(label == example.answer.sentiment)
        for label, example in zip(said, paper.questions, strict=True)
    ]


def _text(example: Any) -> str:
    """The text as the prompt shows it."""
    return example.dialogue[1].content
