"""The capture: every run of every arm is asked every question, and what they say is kept.

It can be stopped at any moment and goes on where it was: samples that are there are not taken
again. A sample that failed because an engine or a tool broke down is kept with its error, and taken
again only when that is asked for. Arms take their turns in an order drawn by lot.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.decision import questions as asking
from evals.decision.contestants import Answers, Contestant, Stage
from evals.decision.design import Registered
from evals.decision.entrants import Roster, enlist
from evals.decision.hands import PLAIN, Hands, Here, Machine, Shard
from evals.decision.progress import Progress
from evals.decision.questions import Question
from evals.decision.samples import SAMPLED, Key, Sample, Samples
from evals.decision.taking import Taker, Turn, Variant, usual
from evals.machine import commit, device, now, versions
from specialists.foundation.errors import ConfigError, DataError, RecordError

FILE = "samples.duckdb"
"""In the folder of a decision."""
BATCH, PAUSE_S = 64, 2.0
"""Samples are written when there are so many, or when the last were written so long ago."""
AT_ONCE = 32
TOLD = 5
"""Failed samples that are shown."""
PLACES = ("here", "ray")
_VERSIONS = (
    "torch",
    "transformers",
    "tokenizers",
    "xgrammar",
    "numpy",
    "duckdb",
    "pyarrow",
    "scikit-learn",
    "langchain-openai",
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    """Which samples of a design are taken; all of them where nothing is said."""

    variants: tuple[Variant, ...] = ()
    """Ways to decode; none: as the design says, and greedily. Guards' papers are asked in the first
    of them alone."""
    papers: tuple[str, ...] = ()
    questions: int | None = None
    """Of each paper only the first so many."""
    share: float = 1.0
    """Of the papers' questions taken together, in the order in which they are looked at."""


EVERYTHING = Part()


async def capture(
    registered: Registered,
    home: Path,
    *,
    data: Path | None = None,
    concurrency: int = AT_ONCE,
    on: str = "here",
    only: Sequence[str] = (),
    retry_failed: bool = False,
    say: Say = print,
    part: Part = EVERYTHING,
    machine: Machine = PLAIN,
    runs: Path | None = None,
    access: Path | None = asking.ACCESS,
) -> Samples:
    """Take the samples of a design that are not there yet.

    Args:
        home: folder of the decision; the samples are in its ``samples.duckdb``.
        data: folder of public data, where a paper is public.
        concurrency: dialogues under way at once: rows of the in-process engine, requests to an
            endpoint.
        on: ``here``, or ``ray``: each run of each arm as a task of a cluster.
        only: names of arms; none: all. All arms' adapters must be there nevertheless, since the
            test's seed follows from them.
        retry_failed: take samples again that nobody could judge.
        say: told how it goes, a line every few seconds.
        runs: where the study's runs are, ``<arm>/seed-<n>/adapter`` each; None: where training
            leaves them.
        access: where openings of public test sets are written down.

    Returns:
        The samples, open for writing: close them. ``samples.failed()`` tells what failed.

    Raises:
        DataError: training runs or answers are missing, another process writes, or the judge broke
            down; what was taken before is kept.
        RecordError: design, adapters or questions are not those that samples were taken with.
        ConfigError: the design cannot be carried out like this.
    """
    if on not in PLACES:
        raise ConfigError(f"a capture runs {' or '.join(PLACES)}, not on {on!r}")
    roster = enlist(registered, runs)
    samples = Samples.open(home / FILE, registered)
    try:
        seed = registered.seed(roster.adapters)
        same_adapters(samples, roster, seed)
        drawn = asking.draw(registered, seed, data=data, access=access)
        ways = part.variants or usual(registered.design)
        _note(samples, registered, roster, seed, drawn, ways)
        async with _stage(registered, roster, machine, concurrency) as stage:
            wanted = _turns(registered, drawn, ways, part)
            shards = _shards(samples, stage, seed, wanted, only, retry_failed)
            taker = Taker(stage.task, registered.design.decode, seed)
            here = Here(taker, concurrency)
            hands: Hands = here
            if on == "ray":
                from evals.decision.on_ray import Cluster, Sent

                told = Sent(registered, roster, data, machine, concurrency)
                hands = Cluster(told, taker, here, say)
            settings = {"on": on, "concurrency": concurrency, **vars(machine)}
            await _run(samples, shards, hands, settings, say)
        _tell_failed(samples, say)
    except BaseException:
        samples.close()
        raise
    return samples


@contextlib.asynccontextmanager
async def _stage(
    registered: Registered, roster: Roster, machine: Machine, rows: int
) -> AsyncGenerator[Stage]:
    stage = Stage(
        roster,
        asking.job(registered.design),
        path=registered.path,
        rows=rows,
        threads=machine.threads,
        device=machine.device,
        dtype=machine.dtype,
    )
    try:
        yield stage
    finally:
        await stage.aclose()


# --- what there is to do ------------------------------------------------------------------------


def _turns(
    registered: Registered,
    drawn: Mapping[str, Sequence[Question]],
    variants: Sequence[Variant],
    part: Part,
) -> list[Turn]:
    unknown = sorted(set(part.papers) - drawn.keys())
    if unknown:
        raise ConfigError(f"no papers {', '.join(unknown)}; there are {', '.join(drawn)}")
    guards = {guard.paper.name for guard in registered.design.guards}
    papers = part.papers or tuple(drawn)
    places = sorted(question.place for paper in papers for question in drawn[paper])
    last = places[max(round(part.share * len(places)), 2) - 1]
    return [
        Turn(question, variant, draw)
        for paper in papers
        for question in drawn[paper][: part.questions]
        if question.place <= last
        for variant in (variants[:1] if paper in guards else variants)
        for draw in range(variant.samples)
    ]


def _shards(
    samples: Samples,
    stage: Stage,
    seed: int,
    wanted: Sequence[Turn],
    only: Sequence[str],
    retry_failed: bool,
) -> list[Shard]:
    """What is left, contestant by contestant, in the order that was drawn by lot.

    Raises:
        ConfigError: no such arm.
        DataError: a file of answers has not all of them.
    """
    arms = {contestant.entrant.arm.name for contestant in stage.contestants}
    if unknown := sorted(set(only) - arms):
        raise ConfigError(f"no arms {', '.join(unknown)}; there are {', '.join(sorted(arms))}")
    done = samples.done()
    if retry_failed:
        done -= {sample.key for sample in samples.failed()}
    order = sorted(stage.contestants, key=lambda c: c.entrant.name)
    random.Random(seed).shuffle(order)
    samples.note(order=[contestant.entrant.name for contestant in order])
    shards: list[Shard] = []
    for contestant in order:
        if only and contestant.entrant.arm.name not in only:
            continue
        _answered(contestant, wanted)
        left = tuple(turn for turn in wanted if _key(contestant, turn) not in done)
        if left:
            shards.append(Shard(contestant, left))
    return shards


def _key(contestant: Contestant, turn: Turn) -> Key:
    entrant, question = contestant.entrant, turn.question
    return Key(
        entrant.arm.name,
        entrant.run,
        question.paper,
        question.id,
        turn.variant.name,
        turn.draw,
    )


def _answered(contestant: Contestant, wanted: Sequence[Turn]) -> None:
    if not isinstance(contestant, Answers):
        return
    ids = {turn.question.id: turn.question for turn in wanted}
    missing = [name for name, each in ids.items() if contestant.missing(each.example)]
    if missing:
        raise DataError(
            f"arm {contestant.entrant.name}: {len(missing)} of {len(ids)} questions have no answer "
            f"in {contestant.entrant.arm.file}, the first of them {missing[0]}"
        )


# --- the study's document -----------------------------------------------------------------------


def same_adapters(samples: Samples, roster: Roster, seed: int) -> None:
    """Refuse to mix samples of adapters that were made anew.

    Raises:
        RecordError: it names the run.
    """
    known: dict[str, dict[str, str]] = samples.study.get("adapters", {})
    for arm, told in roster.digests.items():
        for run, found in told.items():
            was = known.get(arm, {}).get(run, found)
            if was != found:
                raise RecordError(
                    f"arm {arm}, run {run}: the samples were taken from {was[:12]}, and now it is "
                    f"{found[:12]}. Put it back, or begin in another folder"
                )
    if samples.study.get("seed", seed) != seed:
        raise RecordError("the adapters under test are not those that the test's seed follows from")


def _note(
    samples: Samples,
    registered: Registered,
    roster: Roster,
    seed: int,
    drawn: Mapping[str, Sequence[Question]],
    variants: Sequence[Variant],
) -> None:
    """Record what the samples are taken with, once; later attempts must find the same."""
    study = samples.study
    asked = {paper: [list(q.asked) for q in questions] for paper, questions in drawn.items()}
    known = study.get("questions")
    if known is not None and known != asked:
        changed = [paper for paper in asked if known.get(paper) != asked[paper]]
        raise RecordError(
            f"the questions of {', '.join(changed) or 'a paper'} are not those that were asked "
            "before: the generator, the data or a file changed. Begin in another folder"
        )
    ways: dict[str, Any] = dict(study.get("variants", {}))
    for variant in variants:
        told = variant.model_dump(mode="json")
        if ways.setdefault(variant.name, told) != told:
            raise RecordError(f"samples called {variant.name!r} were decoded in another way before")
    tuned = [e for e in roster.entrants if e.record is not None]
    samples.note(
        seed=seed,
        questions=asked,
        variants=ways,
        shortfalls=list(asking.shortfalls(registered.design, drawn)),
        base=roster.base_digest,
        adapters=roster.digests,
        training={
            entrant.name: entrant.record.model_dump(mode="json", exclude={"metrics", "reload"})
            for entrant in tuned
            if entrant.record is not None
        },
    )


# --- taking the samples -------------------------------------------------------------------------


class Ledger:
    """Samples on their way into the file."""

    def __init__(self, samples: Samples, progress: Progress) -> None:
        self._samples = samples
        self._progress = progress
        self._again = {sample.key for sample in samples.failed()}
        self._rows: list[Sample] = []
        self._last = time.monotonic()
        self.taken = 0

    def put(self, sample: Sample) -> None:
        """Take a sample over."""
        self._rows.append(sample)
        self._progress.saw(sample)
        self.taken += 1
        if len(self._rows) >= BATCH or time.monotonic() - self._last > PAUSE_S:
            self.write()

    def write(self) -> None:
        """Write what has come."""
        rows, self._rows = self._rows, []
        self._samples.add(row for row in rows if row.key not in self._again)
        self._samples.replace(row for row in rows if row.key in self._again)
        self._last = time.monotonic()


async def _run(
    samples: Samples,
    shards: Sequence[Shard],
    hands: Hands,
    settings: Mapping[str, Any],
    say: Say,
) -> None:
    """Take what is left, and record the attempt however it ends."""
    total = sum(len(shard.turns) for shard in shards)
    say(f"{len(samples):,} samples are there, {total:,} to take" if total else "nothing to take")
    if not total:
        return
    progress = Progress(total, say)
    ledger = Ledger(samples, progress)
    attempt: dict[str, Any] = {
        "started": now(),
        "machine": device(int(settings["threads"])),
        "commit": commit(),
        "versions": versions(_VERSIONS),
        "settings": dict(settings),
        "wanted": total,
    }
    ticking = asyncio.ensure_future(progress.tell())
    status = "stopped"
    try:
        await hands.take(shards, ledger.put)
        status = "finished"
    finally:
        ticking.cancel()
        ledger.write()
        attempt |= {"ended": now(), "status": status, "taken": ledger.taken}
        attempt["failed"] = len(samples.failed())
        samples.note(attempts=[*samples.study.get("attempts", []), attempt])
        say(progress.line())


def _tell_failed(samples: Samples, say: Say) -> None:
    failed = samples.failed()
    if not failed:
        return
    say(f"{len(failed):,} samples failed and are kept unjudged; --retry-failed takes them again:")
    for sample in failed[:TOLD]:
        say(f"  {sample.arm}/{sample.run} {sample.paper} {sample.question}: {sample.error}")
    sampled = sum(sample.decode == SAMPLED for sample in failed)
    if sampled:
        say(f"  no verdict comes from samples of which {sampled:,} are unjudged")
