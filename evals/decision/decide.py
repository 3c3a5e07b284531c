"""From a design to its record: power, screen, training, capture, analysis, record, page.

Each step leaves what it made and is not done again; the command can be stopped at any moment and
goes on where it was. Training is another room's work: it is asked for by its command, and what it
hands over are folders with records.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.decision import noted
from evals.decision.capture import FILE, Part, capture
from evals.decision.design import Registered, project
from evals.decision.entrants import Roster, enlist
from evals.decision.hands import PLAIN, Machine
from evals.decision.record import TIMED, analyse, record, subject
from evals.decision.samples import Samples
from evals.decision.taking import Variant, usual
from specialists.foundation.contracts import Sampling
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.errors import Cancelled, DataError, RecordError
from specialists.foundation.records import DECISION

SAMPLES, PAGE = "samples", "decision.html"
"""Beside the record: the exported samples, and the page."""
SCREENED, QUICKLY = (100, 8), (20, 4)
"""Questions of the screen and replies to each, and in the quick form."""
SIMULATED = 200
"""Studies for each true gain."""
LEARNED = 4_000
"""Examples of a recipe that the test is held against, at most."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Work:
    """A decision under way."""

    registered: Registered
    home: Path
    """Adapters and samples; not committed."""
    out: Path
    """Record, page and exported samples."""
    data: Path | None = None
    on: str = "here"
    concurrency: int = 32
    parallel: int = 1
    """Training runs at a time."""
    machine: Machine = PLAIN
    say: Say = print

    @property
    def adapters(self) -> Path:
        """Folder of the study's runs."""
        return self.home / "adapters"


async def decide(work: Work) -> DecisionRecord:
    """Do what is not done yet, and write record and page.

    Raises:
        ConfigError: a design that cannot be carried out.
        DataError: samples that no verdict may come from.
        RecordError: the design was changed after its first run, or an adapter was.
        FinrouteError: a training run failed; the others are kept.
    """
    registered = work.registered
    with Samples.open(work.home / FILE, registered) as samples:
        began = str(samples.study["registered"])
    work.say(f"{registered.name}: design {registered.digest[:12]}, registered {began}")
    _power(work)
    await _screen(work)
    noted.belongs(registered, work.adapters)
    _train(work)
    roster = enlist(registered, work.adapters)
    await _capture(work, roster)
    return finish(work, roster)


# --- the steps ----------------------------------------------------------------------------------


def _power(work: Work) -> None:
    """What the design can find, before anything is spent; the quick form finds nothing."""
    if work.registered.quick:
        return
    from evals.decision import power
    from evals.decision.scenario import Scenario

    with Samples.open(work.home / FILE, work.registered) as samples:
        if "power" in samples.study:
            return
        design = work.registered.design
        truth = Scenario(runs={})
        at = power.gains(design)
        told = power.of_design(design, truth, power.planned(design), at, simulations=SIMULATED)
        first = list(itertools.islice(told, len(at)))  # one candidate; the others are like it
        formula = power.by_formula(design, truth)
        samples.note(power=noted.power(first, truth, SIMULATED, formula))
        shares = ", ".join(f"{row.gain:g} points {row.power.share:.0%}" for row in first)
        work.say(f"the whole rule adopts {first[0].candidate} at a true gain of {shares}")


async def _screen(work: Work) -> None:
    """Whether the start has something to learn: advice, told and recorded."""
    from evals.decision import screen

    registered = work.registered
    with Samples.open(work.home / FILE, registered) as samples:
        if "screen" in samples.study:
            return
    if registered.design.arm(registered.design.start).kind == "trained":
        work.say("the start is trained first: it is not screened")
        return
    count, each = QUICKLY if registered.quick else SCREENED
    found = await screen.screen(
        registered,
        work.home,
        count=count,
        samples=each,
        concurrency=work.concurrency,
        machine=work.machine,
        runs=work.adapters,
        say=work.say,
    )
    for line in found.advice or ("screen: nothing speaks against trying every way",):
        work.say(f"- {line}")
    with Samples.open(work.home / FILE, registered) as samples:
        samples.note(screen=noted.screened(found))


def _train(work: Work) -> None:
    """Make the adapters that are not there yet, by training's own command.

    Raises:
        DataError: a run failed.
        Cancelled: it was interrupted.
    """
    registered = work.registered
    design = registered.design
    trained = [arm for arm in design.arms if arm.kind == "trained"]
    if not trained:
        return
    for runs in sorted({arm.runs for arm in trained}):
        only = [arm.name for arm in trained if arm.runs == runs]
        words = [
            *(sys.executable, "-m", "training", "study"),
            _from_here(project(design.study, registered.path)),
            *("--out", str(work.adapters), "--seeds", str(runs)),
            *("--parallel", str(work.parallel)),
            *(word for name in only for word in ("--only", name)),
            f"design={registered.digest}",
            *(design.quick.overrides if registered.quick else ()),
        ]
        done = subprocess.run(words, check=False)
        if done.returncode == 130:
            raise Cancelled("training was interrupted; the same command goes on")
        if done.returncode:
            raise DataError(
                f"training ended with exit status {done.returncode}; what was made stays, and the "
                "same command goes on with the rest"
            )


def _from_here(path: Path) -> str:
    """A path as it is told from the folder one is in: so it is said the same on any machine."""
    here = Path.cwd()
    whole = path.resolve()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


async def _capture(work: Work, roster: Roster) -> None:
    """Take the samples look by look, then those of the guards and the timed ones."""
    registered = work.registered
    design = registered.design
    papers = tuple(paper.name for paper in design.papers)
    for share in design.looks.at:
        samples = await _taken(work, Part(papers=papers, share=share))
        samples.close()
        await _guards(work)
        with Samples.open(work.home / FILE, registered) as samples:
            samples.note(arms=noted.arms(roster))
            if share < 1 and analyse(samples, share).judged.stopped:
                work.say(f"settled at {share:.0%} of the questions: no more are asked")
                break
    # One at a time, greedily, and each arm on the same few questions: what an answer takes.
    greedy = Sampling(temperature=0.0, max_tokens=design.decode.max_tokens)
    timed = Part(
        variants=(Variant(name=TIMED, sampling=greedy, samples=1),),
        papers=papers[:1],
        questions=min(design.gates.timed, design.papers[0].count),
    )
    samples = await _taken(work, timed, concurrency=1)
    samples.close()


async def _guards(work: Work) -> None:
    guards = tuple(guard.paper.name for guard in work.registered.design.guards)
    if guards:
        samples = await _taken(
            work, Part(papers=guards, variants=usual(work.registered.design)[:1])
        )
        samples.close()


async def _taken(work: Work, part: Part, *, concurrency: int | None = None) -> Samples:
    return await capture(
        work.registered,
        work.home,
        data=work.data,
        concurrency=concurrency or work.concurrency,
        on=work.on,
        machine=work.machine,
        runs=work.adapters,
        say=work.say,
        part=part,
    )


# --- what comes of it ---------------------------------------------------------------------------


def finish(work: Work, roster: Roster) -> DecisionRecord:
    """Note what is not noted yet, export the samples, and write record and page from the export.

    Raises:
        DataError: samples that no verdict may come from.
    """
    registered = work.registered
    with Samples.open(work.home / FILE, registered) as samples:
        study = samples.study
        told = noted.arms(roster)
        taken = study["attempts"]
        machine = work.machine
        flags = {
            "rows": str(work.concurrency),
            "threads": str(machine.threads),
            "dtype": machine.dtype,
            "device": machine.device,
        }
        samples.note(
            arms=told,
            base=roster.base_digest,
            trained=noted.attempts(registered, work.adapters),
            spent=noted.spent(told, taken, registered.design.gates.hour_usd),
            digests=noted.digests(roster, samples),
            seeds={"test": int(study["seed"])},
            environment=study.get("environment")
            or noted.environment("finroute local", flags, machine.threads),
            contamination=study.get("contamination") or _contamination(work, samples, told),
            ended=taken[-1]["ended"],
        )
        samples.export(work.out / SAMPLES)
    return written(work.out)


def written(out: Path) -> DecisionRecord:
    """Write record and page from the exported samples in a folder.

    Approvals of a record that is there already are kept where the body is the same.
    """
    from evals.report.page import page
    from evals.report.reading import seen_of

    with Samples.read(out / SAMPLES) as samples:
        made = analyse(samples)
        told = record(made, *subject(made))
    path = out / DECISION
    if path.is_file():
        before = DecisionRecord.read(path)
        if before.id == told.id:
            told = told.model_copy(update={"approvals": before.approvals})
    told.write(path)
    text = page(told, seen_of(out / SAMPLES, told))
    (out / PAGE).write_text(text, encoding="utf-8", newline="\n")
    return told


def replay(out: Path) -> DecisionRecord:
    """Compute the record anew from the exported samples beside it.

    Raises:
        RecordError: the stored record is not the one that its samples give.
        DataError: the samples are damaged, or no verdict may come from them.
    """
    stored = DecisionRecord.read(out / DECISION)
    with Samples.read(out / SAMPLES) as samples:
        made = analyse(samples)
        again = record(made, stored.arm, stored.run or 1)
    again = again.model_copy(update={"approvals": stored.approvals})
    if again.text() != stored.text():
        ours, theirs = stored.body(), again.body()
        changed = ", ".join(name for name in ours if ours[name] != theirs.get(name))
        raise RecordError(
            f"the samples in {out / SAMPLES} give another record than {out / DECISION}: {changed} "
            f"differ ({stored.id} is stored, {again.id} computed)"
        )
    return again


def install(out: Path, folders: Sequence[Path]) -> list[Path]:
    """Write each adapter's own record beside it, where the decision is about it.

    Args:
        folders: of adapters.

    Raises:
        RecordError: the decision is not about an adapter there.
    """
    from specialists.foundation.records import artefact_digest

    made: list[Path] = []
    with Samples.read(out / SAMPLES) as samples:
        found = analyse(samples)
        places = {
            run["adapter"]: (arm, int(run["run"]))
            for arm, told in samples.study["arms"].items()
            for run in told["runs"]
            if run["adapter"]
        }
        for folder in folders:
            adapter = artefact_digest(folder)
            if adapter not in places:
                raise RecordError(f"{out} decides on no adapter with the digest of {folder}")
            record(found, *places[adapter]).write(folder / DECISION)
            made.append(folder / DECISION)
    return made


def _runs(told: dict[str, Any]) -> list[dict[str, Any]]:
    """All runs of all arms."""
    return [run for arm in told.values() for run in arm["runs"]]


def _learned_from(recipe: dict[str, Any]) -> Any:
    """What of a recipe says which examples it made; None: none that can be made again."""
    data = recipe.get("data") or {}
    return None if data.get("file") else recipe.get("corpus_seed") or data or None


def _contamination(work: Work, samples: Samples, told: dict[str, Any]) -> dict[str, Any] | None:
    """What the test shares with what its arms learned from; None: nobody knows what that was."""
    from evals.decision.questions import draw, job
    from evals.sober import contamination

    task = job(work.registered.design)
    drawn = draw(work.registered, int(samples.study["seed"]), data=work.data, access=None)
    papers = [paper.name for paper in work.registered.design.papers]
    test = [contamination.text(q.example) for paper in papers for q in drawn[paper]]
    recipes = {str(_learned_from(run["recipe"])): run["recipe"] for run in _runs(told)}
    learned = [
        contamination.text(example)
        for recipe in recipes.values()
        if _learned_from(recipe)
        for example in contamination.generated(task, recipe, LEARNED)
    ]
    if not learned:
        return None
    found = contamination.overlap(learned, test)
    return {
        "questions": found.test,
        "ngrams": found.dirty,
        "duplicates": round(found.same * found.test),
        "companies": round((found.companies or 0.0) * found.test),
        "templates": round((found.templates or 0.0) * found.test),
        "notes": [
            f"strings of {found.size} words; held against {found.learned:,} training texts of "
            f"{len(recipes)} data sets, {LEARNED:,} of each at most",
            f"{found.boilerplate:.1%} share common phrases alone, {found.clean:.1%} nothing; "
            "companies and templates are told as questions that have one of them in common",
        ],
    }
