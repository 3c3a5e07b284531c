"""Contestants without a language model: what a job gives to rules, counted words and look-ups.

Each is small and says what it is (``ABOUT``): a floor that learning must beat, not the best that
could be built. They learn from generated training examples alone and answer in the job's own form,
so that they are read and judged like any model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError, ConfigError
from specialists.table_qa.inputs import TableAnswer
from specialists.task import Example, Task
from specialists.workspace.catalogue import Period
from specialists.workspace.links import Measure, RowKey

COUNT = 4_000
"""Training examples, at most."""
SEED = 20_000_077
"""Of the training examples; no test is drawn with it."""
ABOUT: Mapping[str, str] = {
    "sentiment": "TF-IDF of words and pairs of words with logistic regression",
    "calculation": "the program of the nearest training question, by TF-IDF of the prompt",
    "extraction": "the choice of the nearest training question, by TF-IDF of the prompt",
    "planning": "the plan of the nearest training question, by TF-IDF of the prompt",
    "table_qa": "the cell of the first column, company and year that the linker finds; no sums",
}

Answerer = Callable[[Example[Any, Any]], tuple[Any, str]]
"""An example's answer (None: none) with what stands for the reply's text.

Raises:
    AnswerError: there is no answer; says why.
"""


def answerer(task: Task[Any, Any]) -> Answerer:
    """The classical contestant of a job.

    Raises:
        ConfigError: the job has none.
    """
    if task.name not in ABOUT:
        raise ConfigError(f"{task.name} has no classical arm; {', '.join(ABOUT)} have one")
    if task.name == "table_qa":
        return look_up
    examples = list(task.examples("train", COUNT, SEED))
    if task.name == "sentiment":
        return _words(task, examples)
    return _nearest(task, examples)


def _words(task: Task[Any, Any], examples: list[Example[Any, Any]]) -> Answerer:
    """As ``evals.baselines`` does on public data, learned from generated headlines."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"[^\s]+"),
        LogisticRegression(C=4.0, max_iter=1000),
    )
    model.fit([_asked(task, e) for e in examples], [e.answer.sentiment for e in examples])

    def answer(example: Example[Any, Any]) -> tuple[Any, str]:
        label = str(model.predict([_asked(task, example)])[0])
        return _read(task, example, json.dumps({"sentiment": label}))

    return answer


def _nearest(task: Task[Any, Any], examples: list[Example[Any, Any]]) -> Answerer:
    """The reply of the likest prompt, word for word: handles are numbered in order in both."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = [(_asked(task, e), reply) for e in examples if (reply := _reply(task, e)) is not None]
    counted = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"[^\s]+")
    there: Any = counted.fit_transform([prompt for prompt, _ in known])

    def answer(example: Example[Any, Any]) -> tuple[Any, str]:
        prompt: Any = counted.transform([_asked(task, example)])
        alike = there @ prompt.T
        best = int(np.asarray(alike.todense()).argmax())
        return _read(task, example, known[best][1])

    return answer


def _asked(task: Task[Any, Any], example: Example[Any, Any]) -> str:
    """The prompt in handles, numbered in order."""
    return task.begin(example.inputs).messages[-1].content


def _reply(task: Task[Any, Any], example: Example[Any, Any]) -> str | None:
    """Gold in the handles of ``_asked``; None where it cannot be said in them."""
    if task.name == "planning":
        from specialists.cases.solved import solve

        solved = solve(example)
        return None if solved is None else solved.plan
    try:
        whole: Any = task.solved(example.inputs, example.answer)  # type: ignore[attr-defined]
    except AnswerError:
        return None
    return whole[-1].content


def _read(task: Task[Any, Any], example: Example[Any, Any], reply: str) -> tuple[Any, str]:
    try:
        return task.begin(example.inputs).answer(reply), reply
    except AnswerError as error:
        raise AnswerError(f"{reply}: {error}") from error


def look_up(example: Example[Any, Any]) -> tuple[TableAnswer, str]:
    """The linker's first guess, read off the rows; nothing where it names no cell."""
    found = _cell(example)
    answer = TableAnswer(value=found)
    told: dict[str, Any] = {"value": found}
    if isinstance(found, Quantity):
        told = {"value": found.value, "unit": found.unit, "scale": found.scale}
    return answer, json.dumps(told)


def _cell(example: Example[Any, Any]) -> Quantity | str | None:
    inputs = example.inputs
    targets = [target.value for _, target in inputs.linked.handles.items()]
    measure = next((t for t in targets if isinstance(t, Measure)), None)
    row = next((t for t in targets if isinstance(t, RowKey)), None)
    period = next((t for t in targets if isinstance(t, Period)), None)
    company = next((t for t in targets if isinstance(t, str)), inputs.company)
    if measure is None or not measure.options or inputs.snapshot is None:
        return None
    name, column_name = measure.options[0]
    table = next(t for t in inputs.catalogue.tables if t.name == name)
    column = table.named(column_name)
    rows: list[dict[str, Any]] = inputs.snapshot.tables[name].to_pylist()
    wanted = (("company", company), ("label", row.value if row else None))
    for role, value in wanted:
        key = table.column(role)  # type: ignore[arg-type]
        if key is not None and value is not None:
            rows = [r for r in rows if r[key.name] == value]
    when = table.column("period")
    if when is not None and period is not None:
        rows = [r for r in rows if str(r[when.name])[:4] == str(period.last)]
    if not rows or column is None or rows[-1][column_name] is None:
        return None
    value = rows[-1][column_name]
    if column.type != "number":
        return str(value)
    return Quantity(value=float(value), unit=column.unit, scale=column.scale)
