"""Independent runs of one recipe, told apart by their seed alone, and what they come to together.

Each seed is the command ``finroute train run`` in a process of its own with a folder of its own
(``seed-11``, ``seed-12`` …): one that fails is told with its error while the others finish, and
one that is finished is not run again. They follow each other, run side by side, or run on a Ray
cluster (``on_ray.py``). ``seeds.json`` beside them holds every run's figures, their means and
spread.
"""

from __future__ import annotations

import math
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal

from pydantic import Field

from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError
from specialists.foundation.records import RUN, Record, RunRecord
from training.tuning import commands, cost
from training.tuning.layout import ADAPTER
from training.tuning.recipe import Recipe

SUMMARY, LOG = "seeds.json", "log.txt"
INTERRUPTED = 130
LAST = 12
"""Lines of a failed run's log that are told."""

Say = Callable[[str], None]
Status = Literal["finished", "failed", "interrupted"]


@dataclass(frozen=True)
class Job:
    """What is run several times."""

    recipe: str
    """As it was named on the command line: a name, or a TOML file."""
    overrides: tuple[str, ...]
    out: Path
    """Folder of the runs' folders."""
    data: Path | None
    seeds: tuple[int, ...]
    options: tuple[str, ...] = ()
    """Further options of each run's command."""
    command: tuple[str, ...] = (sys.executable, "-m", "training", "run")
    """What is followed by the recipe: the command of one run."""

    def folder(self, seed: int) -> Path:
        """Of one run."""
        return self.out / f"seed-{seed}"

    def words(self, seed: int, out: Path, *, resume: bool = False) -> list[str]:
        """The command of one run."""
        data = ["--data", str(self.data)] if self.data else []
        more = ["--resume"] if resume else []
        return [
            *self.command,
            self.recipe,
            *("--out", str(out)),
            *data,
            *self.options,
            *more,
            *self.overrides,
            f"seed={seed}",
        ]


@dataclass(frozen=True)
class Ended:
    """How one run ended."""

    seed: int
    status: Status
    error: str = ""
    """Of a failed one: the end of its log."""
    where: str = ""
    """The node it ran on."""


class Spread(Value):
    """A figure over the runs."""

    count: int
    mean: float
    sd: float
    """Standard deviation (n - 1); 0 of a single run."""
    least: float
    most: float


class Run(Value):
    """One run among several."""

    seed: int
    status: Status
    error: str = ""
    where: str = ""
    digest: str = ""
    """Of its adapter."""
    seconds: float = 0.0
    usd: float = 0.0
    metrics: dict[str, float] = Field(default_factory=dict[str, float])


class SeedsRecord(Record):
    """``seeds.json``: independent runs of one recipe."""

    recipe: str
    recipe_digest: str
    seeds: tuple[int, ...]
    fixed: dict[str, int] = Field(default_factory=dict[str, int])
    """Seeds that all runs have in common."""
    runs: tuple[Run, ...]
    metrics: dict[str, Spread] = Field(default_factory=dict[str, Spread])
    """Over the finished runs, of figures that all of them have."""
    device_hours: float = 0.0
    usd: float = 0.0


def chosen(recipe: Recipe, count: int) -> tuple[int, ...]:
    """The seeds of so many runs: the recipe's, and those after it.

    Raises:
        ConfigError: several runs, and nothing that would differ between them.
    """
    if count > 1 and len(fixed(recipe)) == 3:
        raise ConfigError(
            "seeds.order, seeds.init and seeds.sampler are all set: the runs would be the same. "
            "Leave one at -1, so that it follows the seed"
        )
    return tuple(recipe.seed + k for k in range(count))


def fixed(recipe: Recipe) -> dict[str, int]:
    """Seeds that a recipe sets itself, and that so do not follow ``seed``."""
    return {what: seed for what, seed in recipe.seeds.model_dump().items() if seed >= 0}


def run(
    job: Job,
    recipe: Recipe,
    device: cost.Device,
    *,
    on: str = "here",
    parallel: int = 1,
    resume: bool = False,
    again: bool = False,
    say: Say = print,
) -> int:
    """Run what is not finished; returns the exit status: 0, 1 where some failed, 130.

    Args:
        on: ``here`` or ``ray``.
        parallel: runs under way at once, here.
        resume: go on with those that were stopped; finished ones are left as they are.
        again: remove what is there.

    Raises:
        ConfigError: there are runs already and neither ``resume`` nor ``again`` is set; a cluster
            that has no room for a run.
    """
    waiting = _waiting(job, resume, again, say)
    guess = cost.estimate(recipe, device)
    say(f"{recipe.name}: {len(job.seeds)} runs, {len(waiting)} to do, each {commands.short(guess)}")
    if waiting and on == "ray":
        from training.tuning import on_ray

        ended = on_ray.run(job, waiting, recipe, device, say)
    else:
        ended = here(job, waiting, recipe, parallel, resume, say)
    record = collect(job, recipe, ended)
    job.out.mkdir(parents=True, exist_ok=True)
    part = job.out / f"{SUMMARY}.part"
    record.write(part)
    part.rename(job.out / SUMMARY)
    return _tell(job, record, say)


def _waiting(job: Job, resume: bool, again: bool, say: Say) -> list[int]:
    """The seeds still to run, their folders fit for it."""
    waiting: list[int] = []
    for seed in job.seeds:
        folder = job.folder(seed)
        if again:
            commands.remove(folder)
        elif commands.finished(folder) and resume:
            say(f"seed {seed}: finished before")
            continue
        elif commands.finished(folder) or (commands.stopped(folder) and not resume):
            raise ConfigError(
                f"{folder} holds a run: --resume goes on with what is not finished, --again makes "
                "all of them anew"
            )
        waiting.append(seed)
    return waiting


@dataclass
class _Crew:
    """Processes under way; told once to stop, so that each saves its checkpoint."""

    processes: dict[int, subprocess.Popen[str]] = field(
        default_factory=dict[int, "subprocess.Popen[str]"]
    )
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: int = 0

    def start(self, seed: int, words: Sequence[str], threads: int) -> subprocess.Popen[str] | None:
        """Start a run's process; None: no more are to be started."""
        with self.lock:
            if self.stopping:
                return None
            process = started(words, threads)
            self.processes[seed] = process
            return process

    def stop(self) -> None:
        """Ask all to stop; the second time, make them."""
        with self.lock:
            self.stopping += 1
            how = signal.SIGINT if self.stopping == 1 else signal.SIGKILL
            for process in self.processes.values():
                if process.poll() is None:
                    process.send_signal(how)


def started(
    words: Sequence[str], threads: int, *, folder: Path | None = None
) -> subprocess.Popen[str]:
    """A run's process, with its own number of threads and output that comes as it is said.

    Args:
        folder: to run in; None: this process's.
    """
    return subprocess.Popen(
        words,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env=os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"},
        # Of its own: a terminal's Ctrl-C comes through whoever started it, once, not twice.
        start_new_session=True,
    )


def here(
    job: Job, waiting: Sequence[int], recipe: Recipe, parallel: int, resume: bool, say: Say
) -> list[Ended]:
    """Run seeds on this machine, so many at once."""
    threads, cores = recipe.learning.threads, os.cpu_count() or 1
    if parallel > 1 and min(parallel, len(waiting)) * threads > cores:
        say(f"{parallel} runs of {threads} threads share {cores} cores: expect them to be slower")
    crew, ended = _Crew(), list[Ended]()
    with ThreadPoolExecutor(parallel) as pool:
        futures = [
            pool.submit(
                _one, job, seed, crew, threads, resume and commands.begun(job.folder(seed)), say
            )
            for seed in waiting
        ]
        left = as_completed(futures)
        while True:
            try:
                ended.append(next(left).result())
            except StopIteration:
                return ended
            except KeyboardInterrupt:
                say("stopping: each run saves a checkpoint (again: at once)")
                crew.stop()
                # Those told already would come again.
                done = {each.seed for each in ended}
                left = as_completed(
                    [f for f, seed in zip(futures, waiting, strict=True) if seed not in done]
                )


def _one(job: Job, seed: int, crew: _Crew, threads: int, resume: bool, say: Say) -> Ended:
    """One run's process, from start to end."""
    folder = job.folder(seed)
    folder.mkdir(parents=True, exist_ok=True)
    words = job.words(seed, folder, resume=resume)
    process = crew.start(seed, words, threads)
    if process is None:
        return Ended(seed, "interrupted")
    say(f"seed {seed}: {shlex.join(words[len(job.command) - 1 :])}")
    assert process.stdout is not None
    lines: list[str] = []
    with process.stdout, (folder / LOG).open("a", encoding="utf-8") as log:
        for line in process.stdout:
            log.write(line)
            log.flush()
            lines = [*lines[1 - LAST :], line.rstrip()]
            say(f"seed {seed}: {line.rstrip()}")
    return ending(seed, process.wait(), lines)


def ending(seed: int, code: int, lines: Sequence[str], where: str = "") -> Ended:
    """How a run ended, by its exit status and the last lines of its log."""
    if code == 0:
        return Ended(seed, "finished", where=where)
    if code in (INTERRUPTED, -signal.SIGINT):
        return Ended(seed, "interrupted", where=where)
    how = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
    return Ended(seed, "failed", "\n".join([*lines, how]), where)


def collect(job: Job, recipe: Recipe, ended: Sequence[Ended]) -> SeedsRecord:
    """What all runs come to, those finished before included."""
    known = {each.seed: each for each in ended}
    before = _before(job)
    runs: list[Run] = []
    hours = 0.0
    for seed in job.seeds:
        path = job.folder(seed) / ADAPTER / RUN
        told = known.get(seed) or before.get(seed) or Ended(seed, "finished")
        if not path.exists():
            status: Status = told.status
            error = told.error
            if status == "finished":
                status, error = "failed", "it ended well and left no record"
            runs.append(Run(seed=seed, status=status, error=error, where=told.where))
            continue
        record = RunRecord.read(path)
        hours += record.spent.get("device_hours", 0.0)
        runs.append(
            Run(
                seed=seed,
                status="finished",
                where=told.where,
                digest=record.digest,
                seconds=record.seconds,
                usd=record.spent.get("usd", 0.0),
                metrics=dict(figures(record.metrics)),
            )
        )
    return SeedsRecord(
        recipe=recipe.name,
        recipe_digest=recipe.digest,
        seeds=job.seeds,
        fixed=fixed(recipe),
        runs=tuple(runs),
        metrics=spreads([r.metrics for r in runs if r.status == "finished"]),
        device_hours=round(hours, 4),
        usd=round(sum(r.usd for r in runs), 4),
    )


def _before(job: Job) -> dict[int, Ended]:
    """Where earlier runs ran, by the summary that is there."""
    path = job.out / SUMMARY
    if not path.exists():
        return {}
    return {
        run.seed: Ended(run.seed, run.status, run.error, run.where)
        for run in SeedsRecord.read(path).runs
    }


def figures(metrics: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, float]]:
    """The single numbers among metrics, by dotted name; histories are left out."""
    for key, value in metrics.items():
        name = f"{under}{key}"
        if isinstance(value, Mapping):
            yield from figures(value, f"{name}.")
        elif (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        ):
            yield name, float(value)


def spreads(runs: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Mean and spread of the figures that all runs have."""
    if not runs:
        return {}
    shared = [name for name in runs[0] if all(name in run for run in runs)]
    return {name: spread([run[name] for run in runs]) for name in shared}


def spread(values: Sequence[float]) -> Spread:
    """Mean and spread of one figure."""
    return Spread(
        count=len(values),
        mean=fmean(values),
        sd=stdev(values) if len(values) > 1 else 0.0,
        least=min(values),
        most=max(values),
    )


def _tell(job: Job, record: SeedsRecord, say: Say) -> int:
    """Say what came of it; returns the exit status."""
    for run in record.runs:
        if run.status == "failed":
            say(f"seed {run.seed} failed:\n{run.error}")
    for name, told in record.metrics.items():
        say(f"{name}: {told.mean:.4g} ± {told.sd:.2g} (sd of {told.count} runs)")
    left = [run for run in record.runs if run.status != "finished"]
    say(f"wrote {job.out / SUMMARY}: {len(record.runs) - len(left)} of {len(record.runs)} finished")
    if not left:
        return 0
    say("the same command with --resume goes on with the others")
    return INTERRUPTED if all(run.status == "interrupted" for run in left) else 1
