"""Whether a plan can be carried out, whether two plans ask for the same, and a plan's score.

Nothing here reads a table: a sound plan can still find nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping

from specialists.foundation.contracts import Plan, Ref, Scalar, Subtask
from specialists.task import Score
from specialists.workspace.handles import Target
from specialists.workspace.links import Linked

MAX_STEPS = 24
TWO = frozenset({"growth", "difference", "ratio", "share", "cagr", "greater"})
"""Operations of exactly two numbers; the others take two or more."""
MANY = frozenset({"sum", "average", "maximum", "minimum"})
"""Operations that do not mind the order of their numbers."""
WHOSE = frozenset({"largest", "smallest"})
"""Operations that answer with the name of a number's owner."""


def check(plan: Plan, specialists: Collection[str]) -> list[str]:
    """What keeps a plan from being carried out, in words; empty when nothing does.

    Args:
        specialists: the names of the specialists there are.
    """
    problems: list[str] = []
    if len(plan.subtasks) > MAX_STEPS:
        problems.append(f"{len(plan.subtasks)} steps; at most {MAX_STEPS} are allowed")
    ids = [s.id for s in plan.subtasks]
    problems += [f"two steps are called {i!r}" for i, n in Counter(ids).items() if n > 1]
    place = {name: i for i, name in reversed(list(enumerate(ids)))}
    for number, step in enumerate(plan.subtasks):
        problems += _step(step, number, place, specialists)
    if _circular(plan):
        problems.append("steps wait for each other in a circle")
    if not plan.subtasks and not plan.note.strip():
        problems.append("an empty plan must say why")
    return problems


def _step(
    step: Subtask, number: int, place: Mapping[str, int], specialists: Collection[str]
) -> list[str]:
    problems: list[str] = []
    if not step.id.strip():
        problems.append(f"step {number + 1} has no id")
    if step.specialist not in specialists:
        known = ", ".join(sorted(specialists))
        problems.append(f"{step.id}: no specialist {step.specialist!r}; there are {known}")
    if not step.instruction.strip():
        problems.append(f"{step.id}: an empty instruction")
    for parent in step.parents():
        if parent not in place:
            problems.append(f"{step.id}: refers to {parent!r}, which is no step")
        elif place[parent] >= number:
            problems.append(f"{step.id}: refers to {parent!r}, which comes no earlier")
    if step.specialist == "calculation":
        problems += _numbers(step)
    return problems


def _numbers(step: Subtask) -> list[str]:
    refs = [v for v in step.inputs.values() if isinstance(v, Ref)]
    operation = step.inputs.get("operation")
    if operation is not None and operation not in TWO | MANY | WHOSE:
        return [f"{step.id}: no operation {operation!r}"]
    if operation == "greater" and len(refs) == 1 and "limit" in step.inputs:
        return []
    if operation in TWO and len(refs) != 2:
        return [f"{step.id}: {operation} takes two numbers, not {len(refs)}"]
    if operation in MANY | WHOSE and len(refs) < 2:
        return [f"{step.id}: {operation} takes two numbers or more, not {len(refs)}"]
    if operation is None and not refs:
        return [f"{step.id}: a calculation without numbers"]
    return []


def _circular(plan: Plan) -> bool:
    parents = {s.id: set(s.parents()) for s in plan.subtasks}
    done: set[str] = set()
    while True:
        ready = [
            i
            for i, needs in parents.items()
            if i not in done and not (needs - done) & parents.keys()
        ]
        if not ready:
            return len(done) < len(parents)
        done.update(ready)


def same(one: Plan, other: Plan) -> bool:
    """Whether two plans ask for the same, whatever their ids and the order of independent steps."""
    return Counter(_forms(one)) == Counter(_forms(other))


def _forms(plan: Plan) -> list[object]:
    """Each step's meaning: its inputs with references replaced by what they refer to."""
    known: dict[str, object] = {}
    for step in plan.subtasks:
        known[step.id] = _form(step, known)
    return list(known.values())


def _form(step: Subtask, known: Mapping[str, object]) -> object:
    """A nested tuple. A calculation that does not mind order has its numbers sorted.

    An instruction counts only where the inputs do not say what is asked.
    """
    literals = tuple(
        sorted((k, _literal(k, v)) for k, v in step.inputs.items() if not isinstance(v, Ref))
    )
    refs = [known.get(v.ref, v.ref) for v in step.inputs.values() if isinstance(v, Ref)]
    if step.inputs.get("operation") in MANY | WHOSE:
        refs.sort(key=repr)
    names = {k for k, _ in literals}
    extreme = step.instruction.split()[:3] if step.specialist == "table_qa" else []
    asked = "" if names - {"company", "period"} else " ".join(step.instruction.lower().split())
    if step.specialist == "sentiment":
        asked = ""
    question = (_extreme(extreme, step.instruction),) if extreme else ()
    return (step.specialist, literals, tuple(refs), asked, question)


def _literal(name: str, value: Scalar) -> str:
    """A literal to compare by: the order of names in a list means nothing."""
    text = str(value).lower()
    return str(sorted(json.loads(text))) if name in {"companies", "names"} else text


def _extreme(words: list[str], instruction: str) -> str:
    """What a table question asks for beyond a value: a year, a company, the most or the least."""
    low = instruction.lower()
    first = words[0].lower()
    kind = "which" if first in {"which", "in"} else "value"
    side = "least" if " lowest " in low else "most" if " highest " in low else ""
    year = "year" if low.startswith("in which year") else ""
    return f"{kind} {side} {year}".strip()


def score(gold: Plan, plan: Plan | None) -> Score:
    """Right when the plan asks for the same. Parts: recall and precision of gold's steps."""
    if plan is None:
        return Score(right=False, note="no plan")
    wanted, given = Counter(_forms(gold)), Counter(_forms(plan))
    common = sum((wanted & given).values())
    recall = common / max(1, sum(wanted.values()))
    precision = common / max(1, sum(given.values()))
    right = wanted == given
    if not gold.subtasks and not plan.subtasks:
        recall = precision = 1.0
    note = "" if right else "other steps than asked for"
    return Score(right=right, parts={"recall": recall, "precision": precision}, note=note)


def left_out(linked: Linked, plan: Plan, kinds: str = "cderp") -> list[str]:
    """What the question names and the plan does not use: companies, measures, rows, years.

    Nothing where the plan is empty, or explains that the question names what is unknown here. What
    only stands in sentences beside the one that asks may be left out, but for years and where the
    plan has nothing else of its kind.

    Args:
        kinds: of handles; a worked case's words may hold measures that mean none.
    """
    if not plan.subtasks or (linked.unknown and plan.note):
        return []
    said = "\n".join(
        " ".join([s.instruction, *(str(v) for v in s.inputs.values() if not isinstance(v, Ref))])
        for s in plan.subtasks
    ).lower()
    asking = _asking(linked.text)
    unlimited = _unlimited(plan)
    missing: list[tuple[str, Target]] = []
    used: set[str] = set()
    for handle, target in linked.handles.items():
        if target.kind not in kinds or handle not in linked.text:
            continue
        if target.kind == "p":
            there = all(str(y) in said for y in (target.value.first, target.value.last))
        else:
            there = target.label.lower() in said
        if there:
            used.add(target.kind)
        else:
            missing.append((handle, target))
    numbers = [
        f"the plan leaves out {target.label}"
        for handle, target in linked.handles.items()
        if target.kind == "n" and unlimited and handle in asking
    ]
    return numbers + [
        f"the plan leaves out {target.label}"
        for handle, target in missing
        if target.kind == "p" or handle in asking or target.kind not in used
    ]


def _unlimited(plan: Plan) -> bool:
    """Whether something is chosen by a number of its own, and no step has one."""
    chosen = [
        s.inputs for s in plan.subtasks if s.inputs.get("screen") in {"which", "count", "top"}
    ]
    chosen += [s.inputs for s in plan.subtasks if s.inputs.get("screen") == "bottom"]
    limited = any(s.inputs.keys() & {"limit", "count"} for s in plan.subtasks)
    return bool(chosen) and not limited


def _asking(text: str) -> str:
    """The sentences that end in a question mark; the whole text where none does."""
    sentences = re.split(r"(?<= [?.!]) ", text)
    return " ".join(s for s in sentences if s.endswith("?")) or text
