"""Before anything is trained: is there something to learn here, and which way? No verdict: advice.

The start answers questions of the training distribution that nothing learns from (fold ``dev``),
eight times each. At 100 questions an interval is some nine points to either side: enough to see
that replies do not parse, that a reward would be the same for nearly every group, or that a teacher
knows no more than its student.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.decision import questions as asking
from evals.decision.capture import AT_ONCE, Ledger, same_adapters
from evals.decision.contestants import Stage
from evals.decision.design import POINTS, Design, Paper, Registered
from evals.decision.entrants import enlist
from evals.decision.hands import PLAIN, Machine
from evals.decision.progress import Progress
from evals.decision.questions import Question
from evals.decision.samples import SAMPLED, Sample, Samples
from evals.decision.taking import Taker, Turn, Variant
from specialists.foundation.contracts import Sampling, Value
from specialists.foundation.errors import DataError

FILE = "screen.duckdb"
QUESTIONS, SAMPLES = 100, 8
PARSE, MIXED, LIFT = 0.20, 0.30, 0.05
"""Above: the format first · below, both: little for a reward to work with."""
START = (0.20, 0.70)
"""pass@1 of a start from which methods can be told apart."""
DRAWS = 2_000
LEVEL = 0.95


class Share(Value):
    """A mean over questions, with its bootstrap interval (percentile, questions drawn anew)."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        low, high = POINTS * self.low, POINTS * self.high
        return f"{POINTS * self.mean:.1f} [{low:.1f}, {high:.1f}]"


class Screened(Value):
    """What the screen found, as fractions."""

    arm: str
    questions: int
    samples: int
    right: Share
    """pass@1"""
    unparsed: Share
    mixed: Share
    """Questions with right and wrong replies among theirs: groups whose reward tells anything."""
    lift: Share
    """pass@k less pass@1, k the number of samples."""
    teacher: str = ""
    gain: Share | None = None
    """Of the teacher over the start, question by question."""
    advice: tuple[str, ...] = ()


async def screen(
    registered: Registered,
    home: Path,
    *,
    teacher: str = "",
    count: int = QUESTIONS,
    samples: int = SAMPLES,
    concurrency: int = AT_ONCE,
    machine: Machine = PLAIN,
    runs: Path | None = None,
    say: Callable[[str], None] = print,
) -> Screened:
    """Ask the design's start, and an arm that would teach it, questions that decide nothing.

    What ``screen.duckdb`` in the folder of the decision holds already is not asked again.

    Args:
        teacher: an arm of the design; empty: nobody teaches.

    Raises:
        DataError: samples that nobody could judge, or the start is not trained yet.
        ConfigError: no such arm.
    """
    design = registered.design
    arms = [design.start, *filter(None, [teacher])]
    roster = enlist(registered, runs, arms)
    seed = int.from_bytes(
        hashlib.sha256(f"screen/{registered.digest}".encode()).digest()[:6], "big"
    )
    task = asking.job(design)
    drawn = [
        question
        for paper in papers(design, count)
        for question in asking.paper_of(registered, task, paper, seed)
    ]
    decode = design.decode
    way = Variant(
        name=SAMPLED,
        sampling=Sampling(
            temperature=decode.temperature or 1.0, top_p=decode.top_p, max_tokens=decode.max_tokens
        ),
        samples=samples,
    )
    stage = Stage(
        roster,
        task,
        path=registered.path,
        rows=concurrency,
        threads=machine.threads,
        device=machine.device,
        dtype=machine.dtype,
    )
    taker = Taker(task, decode, seed)
    with Samples.open(home / FILE, registered) as kept:
        try:
            same_adapters(kept, roster, seed)
            kept.note(adapters=roster.digests, seed=seed)
            for contestant in stage.contestants:
                if contestant.entrant.run > 1:
                    continue
                turns = [Turn(question, way, draw) for question in drawn for draw in range(samples)]
                done = {(r.question, r.draw) for r in kept.rows(arm=contestant.entrant.arm.name)}
                left = [turn for turn in turns if (turn.question.id, turn.draw) not in done]
                progress = Progress(len(left), say)
                ledger = Ledger(kept, progress)
                try:
                    await taker.all(contestant, left, ledger.put, at_once=concurrency)
                finally:
                    ledger.write()
                say(f"{contestant.entrant.name}: {progress.line()}")
        finally:
            await stage.aclose()
        rows = {arm: kept.rows(arm=arm) for arm in arms}
    return read(design, rows, drawn, samples, teacher)


def papers(design: Design, count: int) -> list[Paper]:
    """Development questions in the slices that the sealed papers are of, so many in all."""
    slices = list(dict.fromkeys(p.slice for p in design.papers if p.fold not in ("public", "own")))
    slices = slices or [""]
    share = -(-count // len(slices))
    return [
        Paper(name=f"dev {name}".strip(), fold="dev", slice=name, count=share) for name in slices
    ]


def read(
    design: Design,
    rows: Mapping[str, Sequence[Sample]],
    drawn: Sequence[Question],
    samples: int,
    teacher: str = "",
) -> Screened:
    """What the samples say.

    Args:
        rows: of the start and the teacher, by arm.

    Raises:
        DataError: samples are missing or nobody could judge them.
    """
    ids = [(question.paper, question.id) for question in drawn]
    right = _scores(rows[design.start], ids, samples)
    parses = _table(rows[design.start], ids, samples, lambda row: float(row.parses))
    ever = right.max(axis=1)
    found = Screened(
        arm=design.start,
        questions=len(ids),
        samples=samples,
        right=share(right.mean(axis=1)),
        unparsed=share(1.0 - parses.mean(axis=1)),
        mixed=share((ever > right.min(axis=1)).astype(float)),
        lift=share(ever - right.mean(axis=1)),
        teacher=teacher,
        gain=share(_scores(rows[teacher], ids, samples).mean(axis=1) - right.mean(axis=1))
        if teacher
        else None,
    )
    return found.model_copy(update={"advice": advice(found, design.rule.delta / POINTS)})


def advice(found: Screened, delta: float) -> tuple[str, ...]:
    """What to do about it, in words; ``delta`` is the smallest gain worth having, a fraction."""
    said: list[str] = []
    if found.unparsed.mean > PARSE:
        said.append(
            f"{found.unparsed} % of replies are no answers at all: mend the format first, by a "
            "grammar or some SFT"
        )
    low, high = START
    if not low <= found.right.mean <= high:
        said.append(
            f"the start is right {found.right} % of the time; methods are told apart from one of "
            f"{low:.0%} to {high:.0%}: at less SFT wins trivially, at more there is nothing to gain"
        )
    if found.mixed.mean < MIXED or found.lift.mean < LIFT:
        said.append(
            f"{found.mixed} % of the questions have right and wrong replies, and {found.samples} "
            f"tries are worth {found.lift} points more than one: RL has little to work with"
        )
    if found.gain is not None and found.gain.low < delta:
        said.append(
            f"{found.teacher} is better than its student by {found.gain} points, not surely by "
            f"{POINTS * delta:g}: it has little to teach, so no distillation"
        )
    return tuple(said)


def share(values: NDArray[np.float64]) -> Share:
    """A mean over questions with its interval.

    Args:
        values: (Q,).
    """
    from scipy.stats import bootstrap

    mean = float(values.mean())
    if np.ptp(values) == 0:
        return Share(mean=mean, low=mean, high=mean)
    interval = bootstrap(
        (values,),
        np.mean,
        n_resamples=DRAWS,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Share(mean=mean, low=float(interval.low), high=float(interval.high))


def _scores(
    rows: Sequence[Sample], ids: Sequence[tuple[str, str]], samples: int
) -> NDArray[np.float64]:
    failed = [row for row in rows if row.score is None]
    if failed:
        raise DataError(f"{len(failed)} samples could not be judged, the first: {failed[0].error}")
    return _table(rows, ids, samples, lambda row: row.score or 0.0)


def _table(
    rows: Sequence[Sample],
    ids: Sequence[tuple[str, str]],
    samples: int,
    value: Callable[[Sample], float],
) -> NDArray[np.float64]:
    """(Q, K) of something that each sample has."""
    place = {each: number for number, each in enumerate(ids)}
    table = np.full((len(ids), samples), np.nan)
    for row in rows:
        if (row.paper, row.question) in place and row.draw < samples:
            table[place[row.paper, row.question], row.draw] = value(row)
    if np.isnan(table).any():
        raise DataError(f"{int(np.isnan(table).sum())} samples of the screen are missing")
    return table
