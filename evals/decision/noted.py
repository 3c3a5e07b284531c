"""What is recorded beside the samples: who was asked, how they were made, and on what.

Everything that a record tells and that is no sample is noted here once, while the runs' folders and
the machine are at hand; the record is then computed from samples and notes alone.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from evals.decision.design import POINTS, Registered
from evals.decision.entrants import Entrant, Roster
from evals.decision.power import Row
from evals.decision.samples import SAMPLED, Samples
from evals.decision.scenario import Scenario
from evals.decision.screen import LIFT, MIXED, PARSE, START, Screened
from evals.machine import commit, device, versions
from specialists.foundation.decisions import (
    Attempt,
    Digests,
    Environment,
    Power,
    PowerRow,
    Screen,
    ScreenRow,
    Spent,
)
from specialists.foundation.digests import digest, file_digest
from specialists.foundation.errors import RecordError
from specialists.foundation.records import RUN, RunRecord

Z = 1.96
"""Standard errors of a 95 % interval of a simulated share."""
LIBRARIES = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "tokenizers",
    "xgrammar",
    "numpy",
    "scipy",
    "duckdb",
)


def arms(roster: Roster) -> dict[str, Any]:
    """Every arm's runs, with what made them."""
    told: dict[str, Any] = {}
    for entrant in roster.entrants:
        arm = told.setdefault(entrant.arm.name, {"recipe": "", "runs": []})
        record = entrant.record
        if record is not None:
            arm["recipe"] = record.recipe_digest
        arm["runs"].append(_run(entrant))
    return told


def _run(entrant: Entrant) -> dict[str, Any]:
    record = entrant.record
    tuned = entrant.folder is not None
    return {
        "run": entrant.run,
        "seed": None if record is None else record.recipe.get("seed"),
        "adapter": entrant.digest if tuned else None,
        "device_hours": _hours(record),
        "usd": None if record is None else record.spent.get("usd"),
        "started": "" if record is None else record.started,
        "recipe": {} if record is None else record.recipe,
        "data": {} if record is None else record.data,
    }


def _hours(record: RunRecord | None) -> float | None:
    if record is None:
        return None
    told = record.spent.get("device_hours")
    # Records from before hours were counted tell the wall time of their one core.
    return float(told) if told is not None else record.seconds / 3600 or None


def belongs(registered: Registered, runs: Path) -> None:
    """Hold every training run of the study against the design it was made for.

    Args:
        runs: folder of the study's runs, ``<arm>/seed-<n>/adapter`` each; not all need be there.

    Raises:
        RecordError: a run was made for another design, or for none.
    """
    for path in sorted(runs.glob(f"*/seed-*/adapter/{RUN}")):
        told = str(RunRecord.read(path).recipe.get("design", ""))
        if told != registered.digest:
            made = f"the design {told[:12]}" if told else "no design"
            raise RecordError(
                f"{path.parent} was made for {made}; this one is {registered.digest[:12]}. A "
                "design may not change once its runs were made: put it back, or train anew"
            )


def attempts(registered: Registered, runs: Path) -> list[dict[str, Any]]:
    """Every training run that was begun for the study, whatever came of it."""
    found: list[Attempt] = []
    places = {arm.name: arm for arm in registered.design.arms if arm.kind == "trained"}
    for folder in sorted(runs.glob("*/seed-*")):
        arm = folder.parent.name
        if arm not in places:
            continue
        seed = int(folder.name.removeprefix("seed-"))
        number = 1 + len([each for each in found if each.arm == arm])
        path = folder / "adapter" / RUN
        if path.is_file():
            record = RunRecord.read(path)
            found.append(
                Attempt(
                    arm=arm,
                    run=number,
                    seed=seed,
                    status="done",
                    adapter=record.digest,
                    device_hours=_hours(record),
                )
            )
        else:
            began = (folder / "recipe.json").is_file()
            found.append(
                Attempt(
                    arm=arm,
                    run=number,
                    seed=seed,
                    status="stopped" if began else "failed",
                    reason="it left no adapter",
                )
            )
    return [each.model_dump(mode="json") for each in found]


def environment(engine: str, flags: dict[str, str], threads: int) -> dict[str, Any]:
    """The machine and the software that answer."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    made = Environment(
        cpu=device(threads),
        memory_gb=round(pages / 2**30, 1),
        system=platform.platform(),
        engine=engine,
        flags=flags,
        versions={"python": platform.python_version(), **versions(LIBRARIES)},
        commit=commit(),
    )
    return made.model_dump(mode="json")


def screened(found: Screened) -> dict[str, Any]:
    """What the screen told of the start, with its thresholds."""
    told = [
        ("right once", found.right, START[0]),
        ("no answer", found.unparsed, PARSE),
        ("mixed outcomes", found.mixed, MIXED),
        ("right in any try, beyond one", found.lift, LIFT),
    ]
    rows = [
        ScreenRow(name=name, value=each.mean, low=each.low, high=each.high, threshold=threshold)
        for name, each, threshold in told
    ]
    if found.advice:
        rows[0] = rows[0].model_copy(update={"advice": " · ".join(found.advice)})
    made = Screen(questions=found.questions, samples=found.samples, rows=tuple(rows))
    return made.model_dump(mode="json")


def power(rows: Sequence[Row], truth: Scenario, simulations: int, formula: int) -> dict[str, Any]:
    """What the design can find.

    Args:
        rows: of one candidate, a true gain each.
        formula: questions by Miller's formula.
    """
    made = Power(
        run_sd=truth.run_sd / POINTS,
        template_sd=truth.template_sd / POINTS,
        simulations=simulations,
        rows=tuple(
            PowerRow(
                gain=row.gain / POINTS,
                adopted=row.power.share,
                low=max(row.power.share - Z * row.power.error, 0.0),
                high=min(row.power.share + Z * row.power.error, 1.0),
            )
            for row in rows
        ),
        formula_questions=formula,
    )
    return made.model_dump(mode="json")


def spent(told: dict[str, Any], taken: Sequence[dict[str, Any]], hour_usd: float) -> dict[str, Any]:
    """What training and evaluation took together.

    Args:
        told: the arms, as ``arms`` gives them.
        taken: every attempt at the samples, as the capture records them.
        hour_usd: of the machine that took them.
    """
    wall_hours = sum(
        (datetime.fromisoformat(each["ended"]) - datetime.fromisoformat(each["started"]))
        / timedelta(hours=1)
        for each in taken
    )
    runs = [run for arm in told.values() for run in arm["runs"]]
    trained = sum(run["device_hours"] or 0.0 for run in runs)
    usd = sum(run["usd"] or 0.0 for run in runs) + wall_hours * hour_usd
    hours = trained + wall_hours
    return Spent(wall_hours=hours, device_hours=hours, usd=usd).model_dump(mode="json")


def digests(roster: Roster, samples: Samples) -> dict[str, Any]:
    """SHA-256 of what was read: all openings of dialogues, template, tokenizer, questions."""
    made = Digests(
        prompts=digest(sorted({row.messages_digest for row in samples.rows(decode=SAMPLED)})),
        template=_file(roster.base / "chat_template.jinja"),
        tokenizer=_file(roster.base / "tokenizer.json"),
        data={paper: digest(asked) for paper, asked in samples.study["questions"].items()},
    )
    return made.model_dump(mode="json")


def _file(path: Path) -> str:
    return file_digest(path) if path.is_file() else ""
