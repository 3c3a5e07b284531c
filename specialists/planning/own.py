"""Questions of one's own, each with its plan in the compact language.

``growth <revenue> <Acme Corp> <2021 to 2023>``: the handles of ``clauses.py``, or what they stand
for between the same brackets.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from specialists.foundation.contracts import Message, Plan
from specialists.foundation.errors import AnswerError
from specialists.own import SOURCE, Column, Row, linker_of, one, seed_of
from specialists.planning import clauses
from specialists.planning.render import PlanningInputs, compact
from specialists.planning.task import expand, note_on
from specialists.task import Example
from specialists.workspace.catalogue import Period
from specialists.workspace.handles import PATTERN, Handles, Target
from specialists.workspace.links import Linked
from specialists.workspace.snapshot import Snapshot

if TYPE_CHECKING:
    from specialists.planning.task import PlanningTask

WORKSPACE = True
COLUMNS = (
    Column("question", "what is asked", required=True),
    Column("company", "whom it is about, to keep companies apart; empty: the first it names"),
    Column(
        "plan",
        "in the compact language, none where nothing is to be had: growth <revenue> <Acme Corp> "
        "<2021 to 2023>",
        required=True,
        answer=True,
    ),
)

_NAMED = re.compile(r"<([^<>]+)>")


def example(
    task: PlanningTask, name: str, row: Row, workspace: Snapshot | None
) -> Example[PlanningInputs, Plan]:
    """A question as an example.

    Raises:
        AnswerError: a plan that cannot be read, or that speaks of what the question does not name.
    """
    assert workspace is not None
    catalogue = workspace.catalogue
    inputs = PlanningInputs(row["question"], catalogue, linker_of(workspace))
    handles = Handles()
    _, linked = compact(inputs, handles)
    parts = clauses.parse(spelled(row["plan"], linked), handles)
    answer = expand(inputs, parts, note_on(linked, parts))
    seed = seed_of(name)
    episode = task.begin(inputs, seed=seed)
    fresh = Handles(random.Random(seed))
    compact(inputs, fresh)  # the handles of the dialogue as it was opened
    reply = clauses.write(parts, fresh)
    if reply is None:
        raise AnswerError("the plan speaks of what the question does not name")
    owners = [t.label for _, t in linked.handles.items() if t.kind == "e"]
    return Example(
        name,
        inputs,
        answer,
        (*episode.messages, Message(role="assistant", content=reply)),
        "train",
        row.get("company", owners[0] if owners else ""),
        source=SOURCE,
    )


def spelled(plan: str, linked: Linked) -> str:
    """A plan with names between brackets as one with handles."""
    names: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for handle_, target in linked.handles.items():
        for form in _forms(target):
            names[form.casefold()][handle_] = None
    labels = [form for _, target in linked.handles.items() for form in _forms(target)]

    def handle(found: re.Match[str]) -> str:
        if PATTERN.fullmatch(found[0]):
            return found[0]
        said = " ".join(found[1].split())
        what = f"<{said}> in the plan, of what the question names,"
        return one(list(names[said.casefold()]), what, labels)

    return " ".join(_NAMED.sub(handle, plan).split())


def _forms(target: Target) -> list[str]:
    """What a handle's target may be called in a plan."""
    if isinstance(target.value, Period):
        return [target.value.label]
    return [target.label]


def meaning(row: Row) -> str:
    """The plan, its spaces and capitals evened out."""
    return " ".join(row["plan"].casefold().split())
