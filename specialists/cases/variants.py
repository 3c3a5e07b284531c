"""More ways to ask for an operation that one case tells: its words in built-in cases' sentences.

*What is the burn multiple of Alpha Corp in 2018?* is *what is the revenue of Alpha Corp in 2018?*
with other words for the measure. So *burn multiple* is what the case calls its operation, and
every built-in way to ask for a measure is a way to ask for it. Ways to ask for a measure's growth,
rank or mean are taken along as what no plan answers: they are not this operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from specialists.cases.case import Case
from specialists.cases.own import OPERATION, OwnCase
from specialists.workspace.standins import MADE, MEASURES

NONE = "none"
ALIKE = 0.7
"""Share of words that the case's sentence and a built-in one must have in common."""
WAYS, OTHERS = 80, 60
"""Variants of the operation, and of other questions with its words."""
_MEASURES = (MEASURES[0], *(names[0] for names in MADE.values()))


def variants(own: Sequence[OwnCase], cases: Sequence[Case]) -> Iterator[Case]:
    """Cases with the words of the user's operations, made from built-in ones."""
    plain = [(case, measure) for case in cases if (measure := _one_measure(case)) is not None]
    for each in own:
        if not each.case.plan.startswith(OPERATION) or each.case.counts["m"] > 1:
            continue
        name, *slots = each.case.plan.split()
        rest = [slot for slot in slots if slot != "m1"]
        ways = [(c, m) for c, m in plain if c.plan.split() == ["get", "m1", *rest]]
        called = called_in(each.case.question, ways)
        if not called:
            continue
        keeps = bool(each.case.counts["m"])
        for case, measure in _spread(ways, WAYS):
            yield _renamed(case, measure, called, " ".join([name, *slots]), keeps)
        others = [(c, m) for c, m in plain if c.plan.split()[0] not in {"get", "none"}]
        for case, measure in _spread(others, OTHERS):
            yield _renamed(case, measure, called, NONE, keeps)


def called_in(question: str, ways: Sequence[tuple[Case, str]]) -> str:
    """The words that stand where a built-in sentence has its measure; empty where none is alike."""
    words = question.lower().split()
    best: tuple[float, str] = (ALIKE, "")
    for case, measure in ways:
        theirs = case.question.lower().replace(measure.lower(), "\0", 1).split()
        matcher = SequenceMatcher(None, theirs, words, autojunk=False)
        alike = matcher.ratio()
        if alike <= best[0]:
            continue
        for kind, start, end, first, last in matcher.get_opcodes():
            if kind == "replace" and theirs[start:end] == ["\0"]:
                best = (alike, " ".join(words[first:last]))
    return best[1]


def _one_measure(case: Case) -> str | None:
    """The stand-in of a case's measure, where it names one and says it once."""
    if case.signature.split().count("m") != 1:
        return None
    found = [measure for measure in _MEASURES if case.question.count(measure) == 1]
    return found[0] if len(found) == 1 else None


def _renamed(case: Case, measure: str, called: str, plan: str, keeps: bool) -> Case:
    """A case with other words for its measure; ``keeps``: they name a measure themselves."""
    kinds = case.signature.split()
    return Case(
        question=case.question.replace(measure, called, 1),
        signature=" ".join(kind for kind in kinds if keeps or kind != "m"),
        plan=plan,
        source=case.source,
    )


def _spread(items: Sequence[tuple[Case, str]], count: int) -> Sequence[tuple[Case, str]]:
    """At most ``count`` of them, evenly spread."""
    step = max(1, len(items) // count)
    return items[::step][:count]
