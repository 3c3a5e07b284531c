"""A study's adapters put to questions none of them learned from, and what came of it.

Reads the folders that ``finroute train study`` made: ``<arm>/seed-<n>/adapter`` with its record.
The models say what they will: no grammar holds them, since form and discipline are among what is
measured. Every episode is kept; the page is made from those alone (``study_page.py``).
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.accuracy import tools_for
from specialists.agent import Run, Specialist, answer_one
from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import Sampling, Value
from specialists.foundation.errors import ConfigError, RecordError
from specialists.foundation.records import RUN, Record, RunRecord, artefact_digest, verify
from specialists.registry import WEIGHTS
from specialists.table_qa.discipline import discipline
from specialists.task import Example, Task
from specialists.workspace.limited import Limited
from specialists.workspace.sandbox import Sandbox

SEED = 20_261
"""Of the questions; no recipe uses it."""
BASE = "base"
FOLDS = ("companies", "templates")
TIMEOUT_S, OUTPUT = 10.0, 8_000
Say = Callable[[str], None]


class Arm(Value):
    """How an arm was made, from the records of its runs."""

    method: str
    recipe: str
    """Digest of the recipe, seeds apart."""
    runs: dict[int, str]
    """Digest of each run's adapter, by seed."""
    seconds: tuple[float, ...]


class Made(Record):
    """What a study's episodes were drawn from; beside them, so that they can be read alone."""

    specialist: str
    base: str
    """Digest of the base."""
    arms: dict[str, Arm]
    device: str
    """That the questions were asked on."""


class Asked(Value):
    """One episode, judged."""

    arm: str
    seed: int
    paper: str
    """``companies`` or ``templates``, and the slice."""
    decode: str
    """``greedy`` or ``sampled`` (temperature 1)."""
    question: str
    company: str
    template: str
    figures: dict[str, float | None]
    """``right`` and what else was measured; None where it does not apply."""
    tokens: int
    """Written by the model."""
    turns: int


@dataclass(frozen=True)
class Candidate:
    """An adapter to ask, or the base alone."""

    arm: str
    seed: int
    folder: Path | None
    record: RunRecord | None

    @property
    def name(self) -> str:
        return f"{self.arm}/{self.seed}"


@dataclass(frozen=True)
class Paper:
    """Questions of one kind."""

    name: str
    examples: list[Example[Any, Any]]


def candidates(folder: Path) -> list[Candidate]:
    """The adapters of a study, verified, and the base they stand on.

    Raises:
        ConfigError: there are none.
        RecordError: an adapter is not what its record says, or stands on another base.
    """
    found: list[Candidate] = []
    for path in sorted(folder.glob(f"*/seed-*/adapter/{RUN}")):
        record = verify(path.parent, RunRecord.read(path).digest)
        arm, seed = path.parts[-4], int(path.parts[-3].removeprefix("seed-"))
        found.append(Candidate(arm, seed, path.parent, record))
    if not found:
        raise ConfigError(f"{folder} holds no adapters; make them with `finroute train study`")
    base(found)
    return [Candidate(BASE, 0, None, None), *found]


def base(found: Sequence[Candidate]) -> Path:
    """The folder of the one base that all of them stand on.

    Raises:
        RecordError: they stand on several, or it is not what their records say.
    """
    records = [c.record for c in found if c.record is not None]
    folders = {Path(r.recipe["base"]["source"] or WEIGHTS / "base") for r in records}
    digests = {r.base for r in records}
    if len(folders) != 1 or len(digests) != 1:
        raise RecordError("these adapters stand on several bases")
    folder = folders.pop()
    if artefact_digest(folder) not in digests:
        raise RecordError(f"the base in {folder} is not the one that the adapters were made on")
    return folder


def made(found: Sequence[Candidate], device: str) -> Made:
    """How the candidates were made.

    Raises:
        ConfigError: they do not all do the same job.
    """
    records = [(c, c.record) for c in found if c.record is not None]
    jobs = {record.name for _, record in records}
    if len(jobs) != 1:
        raise ConfigError(f"a study is of one job; these adapters do {', '.join(sorted(jobs))}")
    arms: dict[str, Arm] = {}
    for arm in dict.fromkeys(c.arm for c, _ in records):
        own = [(c.seed, record) for c, record in records if c.arm == arm]
        arms[arm] = Arm(
            method=own[0][1].method,
            recipe=own[0][1].recipe_digest,
            runs={seed: record.digest for seed, record in own},
            seconds=tuple(record.seconds for _, record in own),
        )
    (digest,) = {record.base or "" for _, record in records}
    return Made(specialist=jobs.pop(), base=digest, arms=arms, device=device)


def papers(task: Task[Any, Any], count: int) -> list[Paper]:
    """Questions about companies never learned from, by slice, and in words never learned from."""
    slices = task.slices if task.name == "table_qa" else ("",)
    made: list[Paper] = []
    for fold in FOLDS:
        for name in slices:
            drawn = (task.sliced(name) if name else task).examples(fold, count, SEED)  # type: ignore[arg-type]
            made.append(Paper(f"{fold} {name}".strip(), list(drawn)))
    return made


async def ask(
    there: Sequence[Candidate],
    out: Path,
    *,
    task: Task[Any, Any],
    count: int,
    threads: int = 1,
    rows: int = 64,
    say: Say = print,
) -> list[Asked]:
    """Put every paper to every candidate; what ``out`` holds already is not asked again.

    Args:
        out: a file of JSON lines, compressed, one episode a line.
        count: questions of each paper.
    """
    known = read(out)
    done = {(a.arm, a.seed, a.paper, a.decode) for a in known}
    adapters = {c.name: c.folder for c in there if c.folder is not None}
    engine = LocalEngine.load(
        base(there), adapters=adapters, rows=rows, threads=threads, held=False
    )
    sandbox = Sandbox()
    try:
        sheets = papers(task, count)
        for number, candidate in enumerate(there, 1):
            for paper in sheets:
                for decode, heat in (("greedy", 0.0), ("sampled", 1.0)):
                    if (candidate.arm, candidate.seed, paper.name, decode) in done:
                        continue
                    specialist = Specialist(
                        task, engine, adapter=candidate.name if candidate.folder else None
                    )
                    runs = await asyncio.gather(
                        *(
                            _one(specialist, example, sandbox, heat, place)
                            for place, example in enumerate(paper.examples)
                        )
                    )
                    marks = [
                        _asked(candidate, paper, decode, task, example, run)
                        for example, run in zip(paper.examples, runs, strict=True)
                    ]
                    _append(out, marks)
                    known += marks
            say(f"{number} of {len(there)}: {candidate.name} asked")
    finally:
        await engine.aclose()
        await sandbox.aclose()
    return known


async def _one(
    specialist: Specialist,
    example: Example[Any, Any],
    sandbox: Sandbox,
    heat: float,
    place: int,
) -> Run:
    tools = tools_for(example, sandbox)
    return await answer_one(
        specialist,
        example.inputs,
        None if tools is None else Limited(tools, TIMEOUT_S, OUTPUT),
        sampling=Sampling(temperature=heat, max_tokens=96, seed=SEED + place),
    )


def _asked(
    candidate: Candidate,
    paper: Paper,
    decode: str,
    task: Task[Any, Any],
    example: Example[Any, Any],
    run: Run,
) -> Asked:
    return Asked(
        arm=candidate.arm,
        seed=candidate.seed,
        paper=paper.name,
        decode=decode,
        question=example.id,
        company=example.company,
        template=example.template,
        figures=measured(task, example, run),
        tokens=run.usage.completion_tokens,
        turns=len(run.completions),
    )


def measured(task: Task[Any, Any], example: Example[Any, Any], run: Run) -> dict[str, float | None]:
    """What is measured of an episode. An episode whose model or tool broke has no figures."""
    if run.broken:
        return {"right": None}
    score = task.score(example, run.answer)
    told: dict[str, float | None] = {
        "right": float(score.right),
        "parses": float(run.answer is not None),
    }
    if task.name != "table_qa":
        return told | {name: value for name, value in score.parts.items() if name not in told}
    kept = discipline(example.inputs, run.messages, run.answer)
    return told | {
        "disciplined": float(kept.disciplined),
        "looked": float(kept.looked),
        "invented nothing": float(kept.invented == 0),
        "recovered": None if kept.recovered is None else float(kept.recovered),
        "no error": float(kept.errors == 0 and not kept.malformed),
    }


def read(path: Path) -> list[Asked]:
    """The episodes of a file; none where there is no file."""
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [Asked.model_validate_json(line) for line in file]


def _append(path: Path, marks: Sequence[Asked]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "at", encoding="utf-8") as file:
        file.write("".join(mark.model_dump_json() + "\n" for mark in marks))
