"""One sample: a contestant is asked, what it says is judged, and a row is made of it.

What it is: the same for every arm, on this machine or on a cluster's. What it is not: a place where
anything is kept; whoever calls gets the rows as they come.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from evals.decision import scorer
from evals.decision.contestants import Contestant, Said, Way
from evals.decision.design import Decode, Design
from evals.decision.questions import Question
from evals.decision.samples import GREEDY, SAMPLED, Sample, opening
from specialists.foundation.contracts import Sampling, Value
from specialists.foundation.errors import DataError
from specialists.table_qa.discipline import discipline
from specialists.task import Form, Task

log = logging.getLogger(__name__)

Put = Callable[[Sample], None]


class Variant(Value):
    """A way to decode, by its name in the samples."""

    name: str
    sampling: Sampling
    """Its seed is set for each sample."""
    samples: int
    """Of each question by each run."""
    held: bool | None = None
    """None: as the arm or the design says; so with ``form``."""
    form: Form | None = None


def usual(design: Design) -> tuple[Variant, ...]:
    """How every design is decoded: as it says, and greedily for comparison where that is not it."""
    told = design.decode
    drawn = Sampling(temperature=told.temperature, top_p=told.top_p, max_tokens=told.max_tokens)
    as_said = Variant(name=SAMPLED, sampling=drawn, samples=told.samples)
    if told.temperature == 0:
        return (as_said,)
    greedy = Sampling(temperature=0.0, max_tokens=told.max_tokens)
    return as_said, Variant(name=GREEDY, sampling=greedy, samples=1)


@dataclass(frozen=True)
class Turn:
    """One sample to take."""

    question: Question
    variant: Variant
    draw: int


def draw_seed(seed: int, paper: str, question: str, draw: int) -> int:
    """Of a reply's lots: the same for all arms, so that they are compared under one fate."""
    told = f"{seed}/{paper}/{question}/{draw}".encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:4], "big") >> 1


class Taker:
    """Takes the samples of one test."""

    def __init__(self, task: Task[Any, Any], decode: Decode, seed: int) -> None:
        """``seed``: of the test."""
        self._task = task
        self._decode = decode
        self.seed = seed
        self._openings: dict[tuple[str, str, Form], str] = {}

    def way(self, contestant: Contestant, variant: Variant) -> Way:
        """How a contestant is asked: as the variant says, else the arm, else the design."""
        arm = contestant.entrant.arm
        held = next(h for h in (variant.held, arm.held, self._decode.held) if h is not None)
        return Way(variant.sampling, held, variant.form or arm.form or self._decode.form)

    def opening(self, question: Question, form: Form) -> str:
        """SHA-256 of what a question's dialogue opens with."""
        key = (question.paper, question.id, form)
        if key not in self._openings:
            messages = self._task.begin(question.example.inputs, form=form).messages
            self._openings[key] = opening(messages)
        return self._openings[key]

    async def all(
        self, contestant: Contestant, turns: Sequence[Turn], put: Put, *, at_once: int
    ) -> None:
        """Take samples, so many at once, and hand each on as soon as it is judged.

        Raises:
            DataError: the judge broke down; the sample it broke on was handed on unjudged.
        """
        left = iter(turns)

        async def worker() -> None:
            for turn in left:  # shared: each worker takes the next that is left
                sample = await self.take(contestant, turn)
                put(sample)
                if sample.score is None and sample.finish != "error":
                    raise DataError(
                        f"{sample.error}, on {'/'.join(map(str, sample.key))}; the sample is kept "
                        "unjudged. Mend the judge and go on with --retry-failed"
                    )

        workers = [asyncio.ensure_future(worker()) for _ in range(min(at_once, len(turns)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for each in workers:
                each.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def take(self, contestant: Contestant, turn: Turn) -> Sample:
        """Take one sample. Whatever goes wrong is in it."""
        question, variant, entrant = turn.question, turn.variant, contestant.entrant
        lots = draw_seed(self.seed, question.paper, question.id, turn.draw)
        way = self.way(contestant, variant)
        seeded = way.sampling.model_copy(update={"seed": lots})
        begun = time.perf_counter()
        said = await contestant.answer(question.example, Way(seeded, way.held, way.form))
        seconds = time.perf_counter() - begun
        score, figures, fault = self._judged(question, said)
        return Sample(
            arm=entrant.arm.name,
            run=entrant.run,
            seed=entrant.seed,
            paper=question.paper,
            question=question.id,
            company=question.company,
            template=question.template,
            decode=variant.name,
            draw=turn.draw,
            draw_seed=lots,
            output=said.output,
            messages_digest=self.opening(question, way.form),
            tokens=said.tokens,
            prompt_tokens=said.prompt_tokens,
            seconds=seconds,
            finish=said.finish,
            score=score,
            parses=said.answer is not None,
            truncated=said.truncated,
            turns=said.turns,
            figures=figures,
            error=fault or said.error,
        )

    def _judged(
        self, question: Question, said: Said
    ) -> tuple[float | None, dict[str, float | None], str]:
        """The score, secondary measures, and why there is no score."""
        if said.broken:
            return None, {}, ""
        example = question.example
        try:
            right = scorer.right(self._task.name, example, said.answer)
            reward = self._task.score(example, said.answer)
            figures = {name: float(value) for name, value in reward.parts.items()}
            measured: dict[str, float | None] = {
                **figures,
                # No answer at all is right by the jobs' score where gold is "not found".
                "reward_right": float(reward.right and said.answer is not None),
                "holds": float(said.answer is not None and not said.problems),
            }
            if said.cost_usd is not None:
                measured["cost_usd"] = said.cost_usd
            if self._task.name == "table_qa" and said.messages:
                measured |= _discipline(example.inputs, said)
        except Exception as error:  # a broken judge is an error, never a zero
            log.exception("the judge of %s broke on %s", self._task.name, question.id)
            return None, {}, f"the judge broke down: {error!r}"
        return float(right), measured, ""


def _discipline(inputs: Any, said: Said) -> dict[str, float | None]:
    kept = discipline(inputs, said.messages, said.answer)
    return {
        "disciplined": float(kept.disciplined),
        "looked": float(kept.looked),
        "invented": float(kept.invented > 0),
        "recovered": None if kept.recovered is None else float(kept.recovered),
        "malformed": float(kept.malformed > 0),
    }
