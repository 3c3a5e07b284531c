# pyright: basic
"""Seeds as Ray tasks: one task a run, on whatever cluster ``RAY_ADDRESS`` names.

The cluster's nodes need this project installed, and reach what the recipe names by path (a base, an
adapter to start from, data); a recipe's own file is sent along. A task runs the command of one run
in a folder of its node and returns the adapter with its record as a tar, so that nothing but this
machine needs the out folder. A task whose node was lost is tried once more elsewhere, from its
beginning.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray.exceptions import RayError, TaskCancelledError

from specialists.foundation.errors import ConfigError
from training.tuning import commands, cost
from training.tuning.layout import ADAPTER, LOGS
from training.tuning.recipe import Recipe
from training.tuning.seeds import LAST, LOG, Ended, Job, ending, started

Say = Callable[[str], None]
BACK = (ADAPTER, commands.CLAIM, LOGS, LOG)
"""What comes back of a run's folder: no checkpoints."""
TRIES = 1
"""Times that a task is tried again when its node was lost."""


@dataclass(frozen=True)
class Done:
    """What a task returns."""

    code: int
    lines: tuple[str, ...]
    where: str
    tar: bytes


def run(
    job: Job, waiting: Sequence[int], recipe: Recipe, device: cost.Device, say: Say
) -> list[Ended]:
    """Run seeds as tasks of the cluster, each as soon as there is room for it.

    Raises:
        ConfigError: the cluster cannot be reached, or no node has room for a run.
    """
    started = not ray.is_initialized()
    if started:
        _join(say)
    try:
        needs = resources(recipe, device)
        _room(needs)
        task = ray.remote(_one).options(
            num_cpus=needs["CPU"],
            num_gpus=needs.get("GPU", 0),
            max_retries=TRIES,
            scheduling_strategy="SPREAD",
        )
        sent = _sent(job, recipe)
        refs = {
            task.remote(sent[0], seed, recipe.learning.threads, sent[1]): seed for seed in waiting
        }
        say(f"{len(refs)} tasks of {_told(needs)} on {len(_alive())} nodes")
        return _collected(job, refs, say)
    finally:
        if started:
            ray.shutdown()


def _join(say: Say) -> None:
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        say("RAY_ADDRESS names no cluster: a local one is started")
    try:
        ray.init(address=address) if address else ray.init(include_dashboard=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(f"cannot reach the Ray cluster at {address}: {error}") from error


def resources(recipe: Recipe, device: cost.Device) -> dict[str, float]:
    """What a task needs: threads, and a GPU where the recipe's device is one."""
    needs = {"CPU": float(recipe.learning.threads)}
    where = recipe.base.device
    if where == "cuda" or (where == "auto" and device.unit == "GPU"):
        needs["GPU"] = float(device.count or 1)
    return needs


def _alive() -> list[dict]:
    return [node for node in ray.nodes() if node["Alive"]]


def _room(needs: dict[str, float]) -> None:
    """Refuse what would wait for ever."""
    for node in _alive():
        if all(node["Resources"].get(what, 0.0) >= count for what, count in needs.items()):
            return
    largest = {what: max(n["Resources"].get(what, 0.0) for n in _alive()) for what in needs}
    raise ConfigError(
        f"a run needs {_told(needs)}, and no node of the cluster has that: the most there is, is "
        f"{_told(largest)}"
    )


def _told(needs: dict[str, float]) -> str:
    return " and ".join(f"{count:g} {what}" for what, count in needs.items())


def _sent(job: Job, recipe: Recipe) -> tuple[Job, str]:
    """The job as a node gets it: paths in full, and a recipe's own file resolved and sent along."""
    data = job.data.resolve() if job.data else None
    if not job.recipe.endswith(".toml"):
        return replace(job, data=data), ""
    return replace(job, data=data, recipe=Path(job.recipe).name), commands.toml(recipe)


def _one(job: Job, seed: int, threads: int, text: str) -> Done:
    """One run, on a node. Runs in a worker of Ray."""
    where = ray.util.get_node_ip_address()
    node = ray.get_runtime_context().get_node_id()[:8]
    with tempfile.TemporaryDirectory(prefix="finroute-") as name:
        home = Path(name)
        if text:
            (home / job.recipe).write_text(text, encoding="utf-8")
        folder = home / f"seed-{seed}"
        folder.mkdir()
        job = replace(job, command=(sys.executable, *job.command[1:]))  # this node's Python
        code, lines = _process(job.words(seed, folder), home, folder, threads)
        return Done(code, lines, f"{where} {node}", packed(folder))


def _process(
    words: list[str], home: Path, folder: Path, threads: int
) -> tuple[int, tuple[str, ...]]:
    process = started(words, threads, folder=home)
    lines: list[str] = []
    try:
        assert process.stdout is not None
        with process.stdout, (folder / LOG).open("w", encoding="utf-8") as log:
            for line in process.stdout:
                log.write(line)
                lines = [*lines[1 - LAST :], line.rstrip()]
        return process.wait(), tuple(lines)
    finally:  # cancelled: the run's own process must not outlive the task
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def packed(folder: Path) -> bytes:
    """A run's folder as a tar: the adapter, its record and what was said, no checkpoints."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in BACK:
            if (folder / name).exists():
                tar.add(folder / name, arcname=name)
    return buffer.getvalue()


def unpack(tar: bytes, folder: Path) -> None:
    """Put a run's folder where it belongs; what was there of the same names is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "back.part"
    shutil.rmtree(part, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        opened.extractall(part, filter="data")
    # The adapter last: with its record the run counts as finished.
    for name in (*BACK[1:], BACK[0]):
        if (part / name).exists():
            target = folder / name
            if target.is_dir():
                shutil.rmtree(target)
            (part / name).rename(target)
    shutil.rmtree(part)


def _collected(job: Job, refs: dict, say: Say) -> list[Ended]:
    """Wait for the tasks; what each made is put into its folder as it comes."""
    ended: list[Ended] = []
    left = dict(refs)
    while left:
        try:
            (ref,), _ = ray.wait(list(left), num_returns=1)
            told = _ended(job, ref, left[ref])
        except KeyboardInterrupt:
            say("stopping: what was begun on the cluster is lost, what is finished stays")
            for ref in left:
                ray.cancel(ref, force=False)
            return [*ended, *(Ended(seed, "interrupted") for seed in left.values())]
        del left[ref]
        ended.append(told)
        say(
            f"seed {told.seed}: {told.status} on {told.where or 'the cluster'}, {len(left)} to come"
        )
    return ended


def _ended(job: Job, ref: ray.ObjectRef, seed: int) -> Ended:
    try:
        done: Done = ray.get(ref)
    except TaskCancelledError:
        return Ended(seed, "interrupted")
    except RayError as error:  # the node was lost, or the worker was killed for its memory
        return Ended(seed, "failed", f"{type(error).__name__}: {error}")
    told = ending(seed, done.code, done.lines, done.where)
    folder = job.folder(seed)
    if told.status == "finished":
        unpack(done.tar, folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOG).write_text("\n".join(done.lines) + "\n", encoding="utf-8")
    return told
