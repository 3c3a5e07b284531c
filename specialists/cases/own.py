"""Cases a person adds: a question, its plan as written, and what a planner needs of both.

They live in the finroute home in one JSONL file that is only ever appended to: a case is a line,
and so is its removal, so that a process that dies half-way harms nobody's earlier cases. A case is
told in names of measures, not in columns: it holds in any workspace that has the measures.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from specialists.cases import written
from specialists.cases.case import Case, by_letter, case_of
from specialists.cases.written import PlanInputError
from specialists.foundation.contracts import Value
from specialists.foundation.errors import InputError, NotFound, WorkspaceError
from specialists.planning import clauses
from specialists.planning.clauses import Clause, Noun
from specialists.planning.pointing import Case as Shown
from specialists.planning.pointing import Pattern, named
from specialists.workspace import home
from specialists.workspace.handles import Handles
from specialists.workspace.links import Linked, Linker
from specialists.workspace.standins import Masked, masked

FILE = "cases.jsonl"
OPERATION = "@"
"""Before the name of an operation that no verb says: ``@burn-multiple e1 p1``."""
_QUIET = frozenset(
    [
        *("what", "is", "the", "of", "in", "was", "were", "did", "how", "much", "for", "s", "a"),
        *("an", "and", "to", "at", "on"),
    ]
)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")


class OwnCase(Value):
    """A case as it is kept."""

    name: str
    question: str
    """As its author wrote it."""
    plan: str
    """As its author wrote it."""
    case: Case
    meant: tuple[Clause, ...]
    """What the plan stands for."""
    slots: tuple[Noun, ...] = ()
    """The measures that the question itself names: the next question names its own."""
    created: datetime

    @property
    def shown(self) -> Shown:
        """As a planning model reads it."""
        return Shown(self.case.question.lower(), Pattern.of(self.meant, self.slots))


class _Gone(Value):
    """A line that takes a case away."""

    removed: str


def make(
    name: str | None, question: str, plan: str, linker: Linker, *, now: datetime | None = None
) -> OwnCase:
    """A case from a question and a written plan, over the workspace it was solved on.

    Raises:
        PlanInputError: the plan cannot be read, or speaks of what the question does not name.
        InputError: the name is none.
    """
    meant = written.read(plan, question, linker)
    handles = Handles()
    linked = linker.link(question, handles)
    asked = masked(linked.text, handles)
    name = name or _named(linked)
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for a case: lower-case letters, digits and hyphens, 48 at most"
        )
    _held(meant, linked)
    known = named(asked, handles)
    pattern = Pattern.of(meant, known)
    return OwnCase(
        name=name,
        question=question,
        plan=plan,
        case=Case(
            question=asked.text,
            signature=asked.signature,
            plan=_plan(name, pattern, meant, asked, handles),
            source=name,
        ),
        meant=meant,
        slots=pattern.measures,
        created=now or datetime.now(UTC),
    )


def _held(meant: Sequence[Clause], linked: Linked) -> None:
    """Refuse a plan about companies or years that its question does not name."""
    there: dict[str, set[Any]] = {"e": set(), "p": set()}
    for handle, target in linked.handles.items():
        if target.kind in there and handle in linked.text:
            there[target.kind].add(str(target.value) if target.kind == "e" else target.value)
    for clause in meant:
        for company in clause.companies:
            if company not in there["e"]:
                raise PlanInputError(
                    f"the plan speaks of {company}, which the question does not name"
                )
        for period in clause.periods:
            if period not in there["p"]:
                raise PlanInputError(
                    f"the plan speaks of {period.label}, which the question does not name; name it "
                    "there, or leave the year out of both"
                )


def _plan(
    name: str, pattern: Pattern, meant: Sequence[Clause], asked: Masked, handles: Handles
) -> str:
    """Compact, in the question's slots: a verb's where all is named, else the operation's name."""
    direct = clauses.write(meant, handles)
    if direct is not None:
        return case_of(asked, direct).plan
    places: dict[tuple[str, object], str] = {}
    for letter, slots in by_letter(asked.slots).items():
        for number, slot in enumerate(slots, 1):
            if letter == "m":
                target: object = clauses.spoken(slot.written, handles)
            else:
                resolved = handles.resolve(slot.written)
                target = clauses.row(resolved) if letter == "r" else resolved.value
                target = str(target) if letter == "e" else target
            places[letter, target] = f"{letter}{number}"
    wanted: list[tuple[str, object]] = [("m", n) for n in pattern.measures]
    wanted += [("e", e) for e in pattern.companies]
    wanted += [("r", r) for r in pattern.rows]
    wanted += [("p", p) for p in pattern.periods]
    missing = [str(what) for what in wanted if what not in places]
    if missing:
        raise PlanInputError(f"the question does not name {', '.join(missing)}")
    return " ".join([OPERATION + name, *(places[what] for what in wanted)])


def _named(linked: Linked) -> str:
    """A name from the question's own words, companies and times left out."""
    text = linked.original
    for mention in sorted(linked.mentions, key=lambda m: -m.start):
        if mention.handles[0][1] in "epn":
            text = f"{text[: mention.start]} {text[mention.end :]}"
    found = [word for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in _QUIET]
    return "-".join(found)[:48].strip("-") or "case"


# --- the file -----------------------------------------------------------------------------------


class Store:
    """The user's cases on disk."""

    def __init__(self, path: Path | None = None) -> None:
        """``path`` of the file; None: ``cases.jsonl`` in the finroute home."""
        self.path = path or home.home() / FILE

    def read(self) -> tuple[OwnCase, ...]:
        """The cases there are, oldest first. A last line that was cut short is not there yet.

        Raises:
            WorkspaceError: the file cannot be read, or a line is not a case.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise WorkspaceError(f"cannot read {self.path}: {error}") from error
        whole = text[: text.rfind("\n") + 1].splitlines()
        found: dict[str, OwnCase] = {}
        for number, line in enumerate(whole, 1):
            if not line.strip():
                continue
            try:
                if line.startswith('{"removed"'):
                    found.pop(_Gone.model_validate_json(line).removed, None)
                else:
                    case = OwnCase.model_validate_json(line)
                    found[case.name] = case
            except ValidationError as error:
                raise WorkspaceError(
                    f"{self.path}, line {number} is not a case; mend it or take the line out"
                ) from error
        return tuple(found.values())

    def find(self, name: str) -> OwnCase:
        """A case by its name.

        Raises:
            NotFound: no such case.
        """
        cases = self.read()
        for case in cases:
            if case.name == name:
                return case
        there = ", ".join(c.name for c in cases) or "none"
        raise NotFound(f"there is no case {name!r}; there are: {there}")

    def add(self, cases: Iterable[OwnCase], *, replace: bool = False) -> None:
        """Append cases, all or none.

        Raises:
            InputError: a name that is taken, unless ``replace``.
        """
        new = list(cases)
        taken = {case.name for case in self.read()}
        for case in new:
            if case.name in taken and not replace:
                raise InputError(
                    f"there is a case {case.name!r} already; give another --name, or --replace"
                )
            taken.add(case.name)
        self._append([case.model_dump_json() for case in new])

    def remove(self, name: str) -> None:
        """Take a case away.

        Raises:
            NotFound: no such case.
        """
        self.find(name)
        self._append([_Gone(removed=name).model_dump_json()])

    def _append(self, lines: Sequence[str]) -> None:
        """Write whole lines at the end, one process at a time, on disk when it returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)  # a line cut short was never there
            file.write("".join(f"{line}\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())
