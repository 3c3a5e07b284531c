"""Holds each finding against its own evidence: units, periods, companies, the number itself.

It looks nothing up and knows no gold: a finding that passes can still be wrong, one that does not
is never right as it stands. A first cut: second routes to the same number are not tried yet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router import identities
from specialists.foundation.contracts import Cell, Finding, Plan, Quantity, Ref, Span, Step, Subtask
from specialists.workspace.catalogue import Catalogue
from specialists.workspace.numbers import scan

CLOSE = 1e-6
"""Relative difference up to which two floats are the same number."""
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


@dataclass(frozen=True)
class Verified:
    """The findings after verification; those that did not hold are failed, with the reason."""

    findings: dict[str, Finding]
    notes: tuple[str, ...] = ()
    """What a reader should know although no finding was refused for it."""


def verify(plan: Plan, findings: Mapping[str, Finding], catalogue: Catalogue) -> Verified:
    """Check every finding of a plan. The heirs of one that did not hold do not hold either."""
    checked: dict[str, Finding] = {}
    for subtask in plan.subtasks:
        finding = findings[subtask.id]
        if finding.status == "ok":
            problems = check(subtask, finding, catalogue)
            problems += [
                f"it rests on {parent}, which did not hold"
                for parent in subtask.parents()
                if checked[parent].status != "ok"
            ]
            if problems:
                reason = f"did not pass verification: {'; '.join(problems)}"
                finding = finding.model_copy(update={"status": "failed", "reason": reason})
        checked[subtask.id] = finding
    ok = [f for f in checked.values() if f.status == "ok"]
    return Verified(checked, tuple(identities.broken(ok, catalogue)))


def check(subtask: Subtask, finding: Finding, catalogue: Catalogue) -> list[str]:
    """What is wrong with an ok finding, in words; empty when nothing is."""
    if finding.value is None:
        return ["it has no value"]
    if not finding.evidence:
        return ["it has no evidence"]
    cells = [e for e in finding.evidence if isinstance(e, Cell)]
    steps = [e for e in finding.evidence if isinstance(e, Step)]
    problems = _companies(subtask, cells, catalogue) + _periods(subtask, cells, catalogue)
    if isinstance(finding.value, Quantity):
        if not math.isfinite(finding.value.amount):
            return ["its value is not a finite number"]
        if steps:
            problems += _calculated(finding.value, steps)
        elif cells and subtask.inputs.get("screen") not in {"count", "rank"}:
            problems += _looked_up(finding.value, cells)
        elif not cells:
            problems += _read(finding.value, finding)
    return problems


def _looked_up(value: Quantity, cells: Sequence[Cell]) -> list[str]:
    """One cell must be the value; several (an aggregate, a ranking) must share its unit."""
    numbers = [
        c for c in cells if isinstance(c.value, int | float) and not isinstance(c.value, bool)
    ]
    units = {c.unit for c in numbers if c.unit}
    if value.unit and units and value.unit not in units | {"count", "%", "x"}:
        return [f"its unit is {value.unit}, its source's {', '.join(sorted(units))}"]
    if len(numbers) == 1 and len(cells) == 1:
        cell = numbers[0]
        if cell.unit and value.unit and cell.unit != value.unit:
            return [f"its unit is {value.unit}, its source's {cell.unit}"]
        amount = float(cell.value or 0.0) * cell.scale
        if not math.isclose(value.amount, amount, rel_tol=CLOSE, abs_tol=1e-12):
            return [f"its value is {value.amount:g}, its source says {amount:g}"]
    return []


def _calculated(value: Quantity, steps: Sequence[Step]) -> list[str]:
    """The last step's result is the value, as a share or in percent, in units or to scale."""
    result = steps[-1].result
    forms = (value.value, value.amount, value.value / 100)
    if any(math.isclose(result, form, rel_tol=CLOSE, abs_tol=1e-9) for form in forms):
        return []
    return [f"its value is {value.value:g}, its calculation gave {result:g}"]


def _read(value: Quantity, finding: Finding) -> list[str]:
    """A number told by a text stands in that text."""
    told = [
        abs(number.quantity.amount)
        for span in finding.evidence
        if isinstance(span, Span)
        for number in scan(span.text)
    ]
    if any(math.isclose(abs(value.amount), amount, rel_tol=CLOSE) for amount in told):
        return []
    return [f"{value.value:g} does not stand in the text it is said to come from"]


def _companies(subtask: Subtask, cells: Sequence[Cell], catalogue: Catalogue) -> list[str]:
    wanted = subtask.inputs.get("company")
    if not isinstance(wanted, str) or not wanted:
        return []
    columns = {t.name: c.name for t in catalogue.tables if (c := t.column("company"))}
    found = {str(c.row[columns[c.table]]) for c in cells if columns.get(c.table) in c.row}
    if found and wanted.casefold() not in {
        name.casefold() for name in found | _forms(found, catalogue)
    }:
        return [f"it is about {', '.join(sorted(found))}, not {wanted}"]
    return []


def _forms(names: set[str], catalogue: Catalogue) -> set[str]:
    """What these companies are called besides."""
    return {
        form
        for company in catalogue.companies
        if company.name in names
        for form in (company.ticker, *company.aliases)
        if form
    }


def _periods(subtask: Subtask, cells: Sequence[Cell], catalogue: Catalogue) -> list[str]:
    period = subtask.inputs.get("period")
    if period is None or isinstance(period, Ref):
        return []
    years = [int(y) for y in _YEAR.findall(str(period))]
    if not years:
        return []
    columns = {t.name: c.name for t in catalogue.tables if (c := t.column("period"))}
    found = {
        int(year)
        for c in cells
        if isinstance(year := c.row.get(columns.get(c.table, "")), int | float)
    }
    strangers = sorted(y for y in found if not min(years) <= y <= max(years))
    if strangers:
        return [f"it rests on {', '.join(map(str, strangers))}, asked was {period}"]
    return []
