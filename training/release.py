"""``finroute train release``: every stage that makes the committed weights, in order, resumable.

A stage is one of the project's own commands, run in a process of its own. It is done when its
command came to its end with the same settings over the same earlier results, and what it made is
still there as it was; then it is skipped. Stages are listed in ``stages.py``; this file runs them.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from pydantic import TypeAdapter

from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError, FinrouteError

Say = Callable[[str], None]
Call = Callable[[Sequence[str]], int]
MARKS = "release.json"
INTERRUPTED = 130
MODULES = {"train": "training", "evals": "evals"}
"""The module behind a command's first word."""


@dataclass(frozen=True)
class Stage:
    """One command of the pipeline."""

    name: str
    command: tuple[str, ...]
    """What follows ``finroute``. Filled in: ``{out}`` the weights, ``{results}`` the measures,
    ``{work}`` the stage's own work folder, ``{base}`` the work folder of the stage ``base``, and so
    on."""
    makes: tuple[str, ...]
    """Files and folders that it writes, below the folder of the weights; none where it writes
    results alone."""
    needs: tuple[str, ...] = ()
    """Stages whose results it reads."""
    settings: tuple[Path, ...] = ()
    """Files that decide what it makes: recipes."""
    resume: tuple[str, str] | None = None
    """A file in its work folder that a stopped run leaves, and the option that goes on from it."""


class Mark(Value):
    """What is known of a stage that was run."""

    key: str
    """Digest of its command, settings and the results it read."""
    result: str
    """Digest of what it made."""
    seconds: float
    finished: str


class StageFailed(FinrouteError):
    """A stage's command ended badly."""

    exit_code = 1


Marks = dict[str, Mark]
_MARKS: TypeAdapter[Marks] = TypeAdapter(Marks)


class Release:
    """One run of the pipeline over a work folder."""

    def __init__(
        self,
        stages: Sequence[Stage],
        work: Path,
        out: Path,
        *,
        results: Path | None = None,
        call: Call | None = None,
        say: Say = print,
    ) -> None:
        """
        Args:
            results: folder of measures; default: ``results`` in the work folder.
            call: runs a stage's command and returns its exit status; default: in a process.

        Raises:
            ConfigError: a stage needs one that does not come before it.
        """
        before: set[str] = set()
        for stage in stages:
            if missing := set(stage.needs) - before:
                raise ConfigError(f"{stage.name} needs {', '.join(sorted(missing))} before it")
            before.add(stage.name)
        self.stages = tuple(stages)
        self.work, self.out, self.say = work, out, say
        self.results = results or work / "results"
        self._call = call or in_a_process
        self._writing = Lock()
        path = work / MARKS
        self.marks = _MARKS.validate_json(path.read_bytes()) if path.exists() else {}

    def key(self, stage: Stage) -> str:
        """Digest of everything that decides a stage's result, the code itself apart."""
        parts = [*stage.command, *(p.read_text("utf-8") for p in stage.settings)]
        parts += [self.marks[need].result if need in self.marks else "" for need in stage.needs]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def done(self, stage: Stage) -> bool:
        """Whether the stage's result stands."""
        mark = self.marks.get(stage.name)
        return mark is not None and (mark.key, mark.result) == (
            self.key(stage),
            self._result(stage),
        )

    def _result(self, stage: Stage) -> str:
        """Digest of what a stage made, without what other stages put beside it."""
        others = {m for other in self.stages if other is not stage for m in other.makes}
        return digest(self.out, stage.makes, without=others - set(stage.makes))

    def run(
        self,
        *,
        only: Sequence[str] = (),
        until: str | None = None,
        again: Sequence[str] = (),
        parallel: int = 1,
    ) -> None:
        """Run what is not done; with ``parallel`` 1 in order, else each once its needs are met.

        Args:
            only: the stages to run, which take others' results as they are; none: all.
            until: the last stage to run; None: all.
            again: stages to run although they are done.
            parallel: how many stages may run at a time.

        Raises:
            ConfigError: no such stage.
            StageFailed: a command ended badly; what was done before it stays done.
        """
        names = [stage.name for stage in self.stages]
        for name in (*only, *again, *((until,) if until else ())):
            if name not in names:
                raise ConfigError(f"no stage {name}; there are {', '.join(names)}")
        waiting = list(self.stages[: names.index(until) + 1 if until else None])
        waiting = [stage for stage in waiting if not only or stage.name in only]
        total, started = len(waiting), time.monotonic()
        finished = {*names} - {stage.name for stage in waiting}
        running: dict[Future[None], Stage] = {}
        with ThreadPoolExecutor(parallel) as pool:
            while waiting or running:
                for stage in [s for s in waiting if {*s.needs} <= finished]:
                    if len(running) == parallel:
                        break
                    waiting.remove(stage)
                    if stage.name not in again and self.done(stage):
                        self.say(f"{stage.name}: done before")
                        finished.add(stage.name)
                        break
                    self.say(f"{stage.name}: finroute {' '.join(stage.command)}")
                    running[pool.submit(self._one, stage)] = stage
                for future in _ended(running):
                    stage = running.pop(future)
                    future.result()
                    finished.add(stage.name)
                    minutes = (time.monotonic() - started) / 60
                    self.say(
                        f"{stage.name}: {self.marks[stage.name].seconds:.0f} s; "
                        f"{total - len(waiting) - len(running)} of {total} stages, "
                        f"{minutes:.1f} min in all"
                    )

    def _folder(self, name: str, key: str) -> Path:
        """A stage's work folder belongs to one key: what other settings left is not taken up."""
        return self.work / f"{name}-{key[:8]}"

    def _one(self, stage: Stage) -> None:
        key = self.key(stage)
        folder = self._folder(stage.name, key)
        for path in (folder, self.out, self.results):
            path.mkdir(parents=True, exist_ok=True)
        places = {name: self._folder(name, mark.key) for name, mark in self.marks.items()}
        places |= {"out": self.out, "results": self.results, "work": folder}
        words = [word.format(**places) for word in stage.command]
        if stage.resume is not None and (folder / stage.resume[0]).exists():
            words.append(stage.resume[1])
        started = time.monotonic()
        code = self._call(words)
        if code != 0:
            how = "was interrupted" if code in (INTERRUPTED, -2) else f"ended with status {code}"
            raise StageFailed(f"stage {stage.name} {how}; the same command goes on from there")
        missing = [m for m in stage.makes if not (self.out / m).exists()]
        if missing:
            raise StageFailed(f"stage {stage.name} made no {', '.join(missing)}")
        mark = Mark(
            key=key,
            result=self._result(stage),
            seconds=round(time.monotonic() - started, 1),
            finished=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )
        with self._writing:
            self.marks = {**self.marks, stage.name: mark}
            part = self.work / f"{MARKS}.part"
            part.write_bytes(_MARKS.dump_json(self.marks, indent=2))
            part.rename(self.work / MARKS)


def _ended(running: Collection[Future[None]]) -> set[Future[None]]:
    """Wait for one to end. Ctrl-C reaches the stages' processes themselves."""
    while running:
        try:
            return wait(running, return_when=FIRST_COMPLETED).done
        except KeyboardInterrupt:
            continue
    return set()


def in_a_process(words: Sequence[str]) -> int:
    """Run a command to its end; Ctrl-C reaches it as well, and it is waited for."""
    process = subprocess.Popen([sys.executable, "-m", MODULES[words[0]], *words[1:]])
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def digest(folder: Path, names: Sequence[str], *, without: Collection[str] = ()) -> str:
    """Of the files and folders of these names, by name and content; those that lack count too."""
    total = hashlib.sha256()
    for name in names:
        path = folder / name
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            if str(file.relative_to(folder)) in without:
                continue
            total.update(str(file.relative_to(folder)).encode() + b"\0")
            total.update(file.read_bytes() if file.exists() else b"-")
    return total.hexdigest()[:16]
