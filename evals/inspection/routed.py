"""The whole router as a task: planner, specialists, tools and checks, as they serve.

Every model call of planner and specialists is made through inspect, so that the log shows them. The
router itself says how each is drawn: ``--temperature`` and the like have no effect here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, Model, ModelOutput, get_model
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from pydantic import Field

from evals import gold, grading
from evals.gold import GoldQuestion
from evals.inspection.asked import epochs
from evals.inspection.bridge import InspectEngine
from evals.inspection.model import FinrouteAPI
from evals.inspection.shared import Shared
from specialists import registry
from specialists.agent import Specialist
from specialists.foundation.config import Config
from specialists.foundation.digests import file_digest
from specialists.foundation.errors import EngineError, FinrouteError
from specialists.registry import Entry

if TYPE_CHECKING:
    from router.router import Router
    from specialists.foundation.records import Assurance

QUESTIONS = Path(__file__).resolve().parents[1] / "questions" / "dev.jsonl"
ANSWER = "answer"
OUTCOMES = ("right", "wrong", "partial", "abstained", "error")


class Routed(Config):
    """What the router is asked."""

    file: str = ""
    """Questions with gold answers; empty: the project's development questions."""
    workspace: str = "demo"
    count: int = Field(default=1_000, ge=1)
    """Questions, at most, from the first."""
    risk: float | None = None
    """Of wrong answers, as the router's settings take it; None: the settings' own."""
    samples: int = Field(default=1, ge=1)


def task(told: Mapping[str, Any]) -> Task:
    """The router's questions.

    Raises:
        ConfigError: a setting there is not.
        InputError: a file that holds no such questions.
    """
    asked = Routed.parse(dict(told), origin="-T of router")
    path = Path(asked.file) if asked.file else QUESTIONS
    questions = {q.id: q for q in gold.read(path)[: asked.count]}
    return Task(
        dataset=MemoryDataset([_sample(q) for q in questions.values()], name=path.stem),
        solver=_asking(asked),
        scorer=_grading(questions),
        epochs=epochs(asked.samples),
        fail_on_error=True,
        continue_on_fail=True,
        metadata={
            "asked": asked.model_dump(mode="json"),
            "questions": {"file": path.name, "digest": file_digest(path), "count": len(questions)},
            "judge": {"name": "evals.grading", "digest": file_digest(Path(grading.__file__))},
            "decoding": "as the router draws: see router/planner.py and router/worker.py",
        },
        name="router",
    )


def _sample(question: GoldQuestion) -> Sample:
    parts = [part.model_dump_json() for part in question.gold or ()]
    return Sample(
        input=question.question,
        target="; ".join(parts) or "no answer",
        id=question.id,
        metadata={
            "kind": question.kind,
            "answerable": question.answerable,
            "hard": question.hard,
        },
    )


# --- asked --------------------------------------------------------------------------------------


class Seats:
    """A registry whose specialists speak through an inspect model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._api = model.api if isinstance(model.api, FinrouteAPI) else None
        own = self._api.registry if self._api is not None and self._api.plain else None
        self.assurance: Assurance | None = own.assurance if own is not None else None
        self._own = own

    def list(self) -> tuple[Entry, ...]:
        """The jobs there are: a model that was not tuned to them does them all."""
        if self._own is not None:
            return self._own.list()
        return tuple(
            Entry(
                name=job,
                model=str(self._model),
                adapter=None,
                decision=None,
                provisional=True,
                calibrated=False,
                size_bytes=0,
            )
            for job in registry.TASKS
        )

    def specialist(self, name: str) -> Specialist:
        """Who does a job; the embedded ones as they serve, calibration and second readers too."""
        engine = InspectEngine(self._model, decoding="caller")
        if self._own is not None:
            return replace(self._own.specialist(name), engine=engine)
        if self._api is not None:
            return replace(self._api.specialist(name), engine=engine)
        return Specialist(registry.task(name), engine, form="full")

    async def aclose(self) -> None:
        """The models are inspect's."""


def _asking(asked: Routed) -> Solver:
    opened = Shared(lambda: _open(asked))

    @solver(name="finroute_router")
    def ask() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            question = state.input_text
            async with opened.use() as desk:
                try:
                    answer = await desk.router.aask(question)
                except EngineError:
                    raise  # nobody knows what the router would have said
                except FinrouteError as error:
                    state.metadata["error"] = f"{type(error).__name__}: {error}"
                    text, told = "", None
                else:
                    text, told = answer.text, answer.model_dump(mode="json")
            state.messages = [
                ChatMessageUser(content=question),
                ChatMessageAssistant(content=text),
            ]
            state.output = ModelOutput.from_content(str(state.model), text)
            state.store.set(ANSWER, told)
            state.completed = True
            return state

        return solve

    return ask()


class _Desk:
    """An open router and the folder of its store."""

    def __init__(self, router: Router, folder: tempfile.TemporaryDirectory[str]) -> None:
        self.router = router
        self._folder = folder

    async def aclose(self) -> None:
        await self.router.aclose()
        self._folder.cleanup()


async def _open(asked: Routed) -> _Desk:
    from router.config import Settings, StateSettings
    from router.router import Router

    folder = tempfile.TemporaryDirectory(prefix="finroute-inspect-")
    url = f"sqlite:///{Path(folder.name) / 'answers.sqlite'}"
    settings = Settings(state=StateSettings(url=url))
    if asked.risk is not None:
        cascade = settings.cascade.model_copy(update={"risk": asked.risk})
        settings = settings.model_copy(update={"cascade": cascade})
    router = Router.open(asked.workspace, settings, registry=Seats(get_model()))
    await router.warm()
    return _Desk(router, folder)


# --- graded -------------------------------------------------------------------------------------


def _grading(questions: Mapping[str, GoldQuestion]) -> Scorer:
    @scorer(metrics={"*": [mean(), stderr()]}, name="graded")
    def graded() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            from router.contracts import Answer

            told = state.store.get(ANSWER)
            answer = None if told is None else Answer.model_validate(told)
            verdict = grading.grade(questions[str(state.sample_id)], answer)
            return Score(
                value={"correct": float(verdict.right)}
                | {name: float(verdict.outcome == name) for name in OUTCOMES},
                answer=state.output.completion or None,
                explanation=verdict.why or state.metadata.get("error") or None,
                metadata={"outcome": verdict.outcome},
            )

        return score

    return graded()
