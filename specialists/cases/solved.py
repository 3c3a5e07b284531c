"""Worked cases from planning's own examples: what the built-in library is made of.

Only the folds that training may see make a library; the held-out folds measure it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from specialists.cases.case import Case, case_of
from specialists.foundation.contracts import Plan
from specialists.foundation.errors import AnswerError
from specialists.planning.render import PlanningInputs, compact
from specialists.task import Example, Fold
from specialists.workspace.handles import PATTERN, Handles
from specialists.workspace.links import Linked
from specialists.workspace.standins import Masked, masked


@dataclass(frozen=True)
class Solved:
    """A question as it is looked up, and its gold plan."""

    example: Example[PlanningInputs, Plan]
    question: Masked
    linked: Linked
    plan: str
    """Compact, in the handles of ``linked``."""

    def case(self) -> Case:
        """It as a case.

        Raises:
            AnswerError: its plan uses what its question does not name.
        """
        return case_of(self.question, self.plan, self.example.template)


def solve(example: Example[PlanningInputs, Plan]) -> Solved | None:
    """An example as a solved question; None where it points to worked cases of its own."""
    handles = Handles()
    text, linked = compact(example.inputs, handles)
    asked, reply = (m.content for m in (example.dialogue[-2], example.dialogue[-1]))
    there, here = PATTERN.findall(asked), PATTERN.findall(text)
    if example.inputs.cases or len(there) != len(here):
        return None
    pairs = zip(PATTERN.finditer(asked), PATTERN.finditer(text), strict=True)
    own = {one[0]: other[0] for one, other in pairs}
    plan = PATTERN.sub(lambda m: own.get(m[0], m[0]), reply)
    return Solved(example, masked(text, handles), linked, plan)


def solved(fold: Fold, count: int, seed: int) -> Iterator[Solved]:
    """Examples of a fold, those that point to worked cases of their own left out."""
    from specialists.planning.task import TASK

    for example in TASK.examples(fold, count, seed):
        found = solve(example)
        if found is not None:
            yield found


def cases(fold: Fold, count: int, seed: int) -> Iterator[Case]:
    """Distinct cases of a fold's examples; those that no slot explains are left out."""
    seen: set[str] = set()
    for each in solved(fold, count, seed):
        try:
            case = each.case()
        except AnswerError:
            continue
        if case.id not in seen:
            seen.add(case.id)
            yield case
