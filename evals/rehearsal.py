"""Generated questions to the whole router: workspaces, questions and gold answers for calibration.

From the half of the held-out sentence frames that is set apart for calibration; the other half is
the reported test. Gold comes from executing the gold plan (``oracle.py``); questions whose plan
needs a document's text are left out, since generated workspaces of planning have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from evals.gold import BooleanPart, GoldQuestion, ListPart, NumberPart, Part, TextPart
from evals.oracle import Unknown, Value, execute
from evals.questions import calibrates
from specialists import registry
from specialists.foundation.contracts import Plan, Quantity
from specialists.workspace.catalogue import Catalogue
from specialists.workspace.links import Linker
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot
from specialists.workspace.toolbox import Toolbox

if TYPE_CHECKING:
    from specialists.planning.render import PlanningInputs
    from specialists.task import Example

SEED = 20_000_101
"""Of the questions: no recipe and no paper uses it."""
_NAMES = re.compile(r"\s*(?:,|\band\b)\s*")


@dataclass(frozen=True)
class Stage:
    """A workspace in memory and the questions asked of it."""

    workspace: Held
    questions: tuple[GoldQuestion, ...]


class Held:
    """A workspace that is one snapshot. Stands for a stored one."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.name = snapshot.catalogue.workspace
        self._snapshot = snapshot

    def snapshot(self, as_of: date | None = None) -> Snapshot:
        """The snapshot, whatever the day."""
        return self._snapshot


async def stages(count: int, *, workspaces: int = 6, seed: int = SEED) -> list[Stage]:
    """At least ``count`` questions over a few workspaces, where the frames give as many."""
    task = registry.task("planning")
    grouped: dict[str, list[Example[PlanningInputs, Plan]]] = {}
    for example in task.examples("templates", count * 16, seed):
        if calibrates(example.template) and _told_by_tables(example.answer):
            grouped.setdefault(example.inputs.catalogue.workspace, []).append(example)
    chosen = sorted(grouped, key=lambda name: (-len(grouped[name]), name))[:workspaces]
    sandbox = Sandbox()
    made: list[Stage] = []
    try:
        for name in chosen:
            snapshot = _snapshot(grouped[name][0].inputs.catalogue)
            if snapshot is None:
                continue
            linker, toolbox = Linker(snapshot.catalogue), Toolbox(snapshot, sandbox)
            questions: list[GoldQuestion] = []
            for example in grouped[name][: -(-count // workspaces)]:
                asked = await _question(example, toolbox, linker)
                questions += [asked] if asked is not None else []
            made.append(Stage(Held(snapshot), tuple(questions)))
    finally:
        await sandbox.aclose()
    return made


def _told_by_tables(plan: Plan) -> bool:
    return all(step.specialist in {"table_qa", "calculation"} for step in plan.subtasks)


def _snapshot(catalogue: Catalogue) -> Snapshot | None:
    """The rows behind a planning example's catalogue; None where they cannot be made again."""
    split, _, number = catalogue.workspace.partition("-")
    periods = sorted({year for table in catalogue.tables for year in table.periods})
    if split != "heldout" or not number.isdigit() or not periods:
        return None
    years = range(periods[0], periods[-1] + 1)
    whole = make_snapshot(
        int(number), split="heldout", companies=len(catalogue.companies), years=years
    )
    if whole.catalogue.companies != catalogue.companies:
        return None
    names = [table.name for table in catalogue.tables]
    digest = f"{whole.digest}/{','.join(names)}"
    return Snapshot(catalogue, {name: whole.tables[name] for name in names}, digest=digest)


async def _question(
    example: Example[PlanningInputs, Plan], toolbox: Toolbox, linker: Linker
) -> GoldQuestion | None:
    kind = example.template.partition(":")[0].removeprefix("planning-")
    parts: tuple[Part, ...] = ()
    if example.answer.subtasks:
        try:
            found = await execute(example.answer, toolbox, linker)
        except Unknown:
            return None
        parts = tuple(_parts(example.answer, found))
    return GoldQuestion(
        id=example.id,
        question=example.inputs.question,
        answerable=bool(parts),
        kind=kind,
        gold=parts or None,
    )


def _parts(plan: Plan, found: dict[str, Value]) -> Iterator[Part]:
    """What the plan's last steps found, as an answer must tell it."""
    used = {ref for step in plan.subtasks for ref in step.parents()}
    for step in plan.subtasks:
        if step.id not in used:
            yield _part(found[step.id], step.inputs.get("screen"))


def _part(value: Value, screen: object) -> Part:
    if isinstance(value, Quantity):
        return NumberPart(type="number", value=value.value, unit=value.unit, scale=value.scale)
    if value in {"yes", "no"}:
        return BooleanPart(type="boolean", value=value == "yes")
    if screen in {"peak", "trough"} and value.isdigit():
        return NumberPart(type="number", value=float(value), unit="year", tolerance=0)
    names = tuple(name for name in _NAMES.split(value) if name)
    if len(names) > 1:
        return ListPart(type="list", all=names)
    return TextPart(type="text", any=names)
