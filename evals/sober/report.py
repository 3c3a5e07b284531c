"""The checks: made from published numbers, public sets, the released weights and the samples of
committed decisions. Each section is made alone and kept in ``sober.json``; the page is written from
that file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evals import questions
from evals.decision.design import Arm, Contrast, Design
from evals.decision.design import Paper as Asked
from evals.decision.rule import Plan
from evals.decision.samples import Sample
from evals.sober import gold as labelled
from evals.sober import published as leaderboard
from evals.sober.audit import Audit
from evals.sober.contamination import Overlap, generated, overlap, text
from evals.sober.decided import Decided
from evals.sober.diversity import Diversity, diversity
from evals.sober.drawn import ADAPTER, BASE, Reply
from evals.sober.labels import Agreement, agreement
from evals.sober.lengths import Lengths, lengths
from evals.sober.settings import DESIGN
from evals.sober.variants import Turn, turns
from specialists import registry
from specialists.foundation.contracts import Value
from specialists.foundation.records import RUN, Manifest, Record, RunRecord
from specialists.task import Example

SEED = 20_000_071
"""Of generated questions; no recipe uses it."""
Say = Callable[[str], None]


class Published(Value):
    """The re-analysis of published numbers."""

    repository: str
    file: str
    commit: str
    models: int
    spreads: dict[str, float]
    tallies: tuple[leaderboard.Tally, ...]
    gains: tuple[leaderboard.Gain, ...]
    """Means of six sets, by seeds."""
    shares: tuple[leaderboard.Shares, ...]


class Overlaps(Value):
    """What the released adapters' tests share with what they learned from."""

    most: int
    """Generated training examples that were made again, at most."""
    count: int
    """Questions of each paper."""
    found: dict[str, Overlap]
    """By ``job paper``."""


class Judged(Value):
    """The two judges of one job's replies: the decision's, and the job's own score."""

    job: str
    agreement: Agreement


class Replies(Value):
    """What the released weights replied."""

    questions: int
    """Of each paper."""
    draws: int
    """Of each question, under the design's setting."""
    under_others: int
    """Of each question, under the other settings."""
    judges: tuple[Judged, ...] = ()
    lengths: dict[str, tuple[Lengths, ...]]
    """By job."""
    diversity: dict[str, tuple[Diversity, ...]]
    turns: dict[str, tuple[Turn, ...]]


class Sober(Record):
    """``sober.json``."""

    made: str
    device: str
    commit: str
    adapters: dict[str, str]
    """Digest of each adapter that replied."""
    published: Published | None = None
    gold: tuple[labelled.Checked, ...] = ()
    generated: tuple[labelled.Checked, ...] = ()
    overlaps: Overlaps | None = None
    replies: Replies | None = None
    audit: Audit | None = None
    decided: Decided | None = None


def reanalysed() -> Published:
    """Published gains against the spread of their own seeds."""
    models = leaderboard.read()
    return Published(
        repository=leaderboard.REPOSITORY,
        file=leaderboard.FILE,
        commit=leaderboard.COMMIT,
        models=len(models),
        spreads=leaderboard.spreads(models),
        tallies=tuple(leaderboard.tallies(models)),
        gains=tuple(leaderboard.by_model(models, "seeds")),
        shares=tuple(leaderboard.shares()),
    )


def checked(data: Path, say: Say = print) -> Iterator[labelled.Checked]:
    """The labels of every public set."""
    for name in labelled.PUBLIC:
        made = labelled.public(name, data)
        say(f"{made.name}: {made.quality.clashing} clashes, {made.faults} faults")
        yield made


def own(jobs: Sequence[str], count: int, say: Say = print) -> Iterator[labelled.Checked]:
    """The labels of generated questions."""
    for job in jobs:
        made = labelled.generated(registry.task(job), "templates", count, SEED)
        say(f"{made.name}: {made.quality.clashing} clashes, {made.faults} faults")
        yield made


def overlaps(
    weights: Path, data: Path | None, *, count: int, most: int, say: Say = print
) -> Overlaps:
    """The released adapters' tests against the examples that their records tell.

    Args:
        data: folder of public data; None leaves the public parts out.
        most: generated training examples that are made again, at most.
    """
    manifest = Manifest.read(weights / registry.MANIFEST)
    found: dict[str, Overlap] = {}
    for job, artefact in manifest.adapters.items():
        task = registry.task(job)
        record = RunRecord.read(weights / artefact.folder / RUN)
        learned = [text(e) for e in generated(task, record.recipe, most)]
        learned += [text(e) for e in _public(job, data)] if data else []
        papers = [p for p in questions.generated(job, count) if p.name == "templates"]
        papers += list(questions.public(job, data, count)) if data else []
        for paper in papers:
            made = overlap(learned, [text(e) for e in paper.questions])
            found[f"{job} {paper.name}"] = made
            say(f"{job} {paper.name}: {made.dirty:.1%} share strings, {made.same:.1%} the same")
    return Overlaps(most=most, count=count, found=found)


def _public(job: str, data: Path) -> Iterator[Example[Any, Any]]:
    if find_spec(f"specialists.{job}.loaders") is None:
        return
    loaders = importlib.import_module(f"specialists.{job}.loaders")
    yield from loaders.load(registry.task(job), data, "train")


def replied(drawn: Sequence[Reply], judged: Sequence[Reply] = ()) -> Replies:
    """What replies of the base and the adapters come to.

    Args:
        drawn: under the design's setting and others.
        judged: more replies, for the agreement of the judges alone.
    """
    own = [r for r in drawn if r.sample.decode == DESIGN]
    jobs = sorted({r.job for r in own})
    papers = {(r.job, r.sample.question) for r in own}
    others = [r.sample.draw for r in drawn if r.sample.decode != DESIGN]
    told: dict[str, tuple[Turn, ...]] = {}
    for job in jobs:
        by_setting = _settings(job, drawn)
        if len(by_setting) > 1:
            asked = len({s.question for s in by_setting[DESIGN]})
            told[job] = tuple(turns(_plan(job, asked), by_setting, (BASE, ADAPTER)))
    return Replies(
        questions=max(sum(job == each for each, _ in papers) for job in jobs),
        draws=max(r.sample.draw for r in own) + 1,
        under_others=max(others, default=-1) + 1,
        judges=tuple(_judges([*drawn, *judged])),
        lengths={job: tuple(lengths(each) for each in _arms(job, own)) for job in jobs},
        diversity={job: tuple(diversity(each) for each in _arms(job, own)) for job in jobs},
        turns=told,
    )


def _arms(job: str, replies: Sequence[Reply]) -> Iterator[list[Sample]]:
    for arm in (BASE, ADAPTER):
        samples = [r.sample for r in replies if r.job == job and r.sample.arm == arm]
        if samples:
            yield samples


def _settings(job: str, replies: Sequence[Reply]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {DESIGN: []}
    for reply in replies:
        if reply.job == job:
            found.setdefault(reply.sample.decode, []).append(reply.sample)
    return found


def _plan(job: str, asked: int) -> Plan:
    """The adapter in service against the base it stands on, by a design's defaults."""
    design = Design(
        specialist=job,
        start=BASE,
        arms=(
            Arm(name=BASE, kind="base"),
            Arm(name=ADAPTER, kind="adapter", folder=f"specialists/weights/{job}"),
        ),
        contrasts=(Contrast(arm=ADAPTER, against=BASE),),
        papers=(Asked(name="templates", count=asked),),
    )
    return Plan.of(design, asked)


def _judges(replies: Sequence[Reply]) -> Iterator[Judged]:
    for job in sorted({r.job for r in replies}):
        own = [r for r in replies if r.job == job and r.sample.score is not None]
        ids = [f"{r.sample.arm} {r.sample.decode} {r.sample.question}" for r in own]
        right = [(r.sample.score or 0.0) >= 0.5 for r in own]
        yield Judged(job=job, agreement=agreement(ids, right, [r.reward for r in own]))
