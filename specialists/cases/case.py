"""A worked case: a question with stand-ins, and the plan it led to with its slots left open.

``growth m1 e1 p1 p2 ; press e1`` is such a plan: words of the compact language, and in the place of
each handle the slot it came from, counted by kind in the order the question names them. A case
knows no company, no number and no workspace. What a plan's words mean is planning's business.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from specialists.foundation.contracts import Value
from specialists.foundation.errors import AnswerError
from specialists.workspace.handles import PATTERN
from specialists.workspace.standins import Masked, Slot

SEPARATOR = ";"
TURNED = "~"
"""In a shape: things of a kind are taken in another order than the question names them."""
_SLOT = re.compile(r"([merpn])(\d+)")
_LETTERS = {"m": "m", "e": "e", "r": "r", "p": "p", "s": "p", "n": "n"}
"""A slot's kind -> its letter in a plan: years and spans of years are counted together."""


class Case(Value):
    """One solved question."""

    question: str
    """With stand-ins (``workspace.standins``)."""
    signature: str
    """The kinds of its slots in order: ``m e p p``."""
    plan: str
    """Compact, with slots for handles: ``growth m1 e1 p1 p2``; or ``none``."""
    source: str = ""
    """The frame it was drawn from, or the name its author gave it."""

    @property
    def id(self) -> str:
        """The first 12 hex digits of SHA-256 over question and plan."""
        return hashlib.sha256(f"{self.question}\n{self.plan}".encode()).hexdigest()[:12]

    @property
    def shape(self) -> str:
        """The plan without its slots: ``growth ; press``. What the question asks for."""
        return shape(self.plan)

    @property
    def counts(self) -> Counter[str]:
        """How many slots of each letter its question has."""
        return Counter(_LETTERS[kind] for kind in self.signature.split())

    def filled(self, question: Masked) -> str | None:
        """The plan over another question's slots; None where they do not fit.

        Slots are taken in the order of mention. A question with more or fewer of a kind fits where
        every clause that takes that kind takes all of it.
        """
        given = by_letter(question.slots)
        own = self.counts
        wide = self._wide()
        for letter in set(own) | set(given):
            have, want = len(given.get(letter, ())), own[letter]
            if have != want and not (have and want and letter in wide) and letter != "n":
                return None
        clauses: list[str] = []
        for clause in self.plan.split(SEPARATOR):
            words: list[str] = []
            spread: set[str] = set()
            for word in clause.split():
                match = _SLOT.fullmatch(word)
                if match is None:
                    words.append(word)
                    continue
                letter, place = match[1], int(match[2]) - 1
                slots = given.get(letter, ())
                if len(slots) == own[letter]:
                    words.append(slots[place].written)
                elif letter not in wide:
                    return None
                elif letter not in spread:
                    spread.add(letter)
                    words += [slot.written for slot in slots]
            clauses.append(" ".join(words))
        return f" {SEPARATOR} ".join(clauses)

    def misfit(self, question: Masked) -> int:
        """How far the slots are from the question's: 0 the same in the same order, 1 the same in
        another order, 2 as many of each letter, 3 another number of one, 6 of a number."""
        theirs = question.signature
        if theirs == self.signature:
            return 0
        if Counter(theirs.split()) == Counter(self.signature.split()):
            return 1
        counts = Counter(_LETTERS[kind] for kind in theirs.split())
        if counts == self.counts:
            return 2
        return 3 if counts["n"] == self.counts["n"] else 6

    def _wide(self) -> frozenset[str]:
        """Letters of which each clause takes all, in order, or none."""
        own = self.counts
        letters = set(own)
        for clause in self.plan.split(SEPARATOR):
            taken: dict[str, list[int]] = {}
            for match in map(_SLOT.fullmatch, clause.split()):
                if match is not None:
                    taken.setdefault(match[1], []).append(int(match[2]))
            for letter, places in taken.items():
                if places != list(range(1, own[letter] + 1)):
                    letters.discard(letter)
        return frozenset(letters)


def by_letter(slots: Sequence[Slot]) -> Mapping[str, list[Slot]]:
    """A question's slots by letter, in the order of mention."""
    found: dict[str, list[Slot]] = {}
    for slot in slots:
        found.setdefault(_LETTERS[slot.kind], []).append(slot)
    return found


def shape(plan: str) -> str:
    """A plan in slots without them: ``growth ; press``; ``~`` where one is taken out of turn."""
    told: list[str] = []
    for clause in plan.split(SEPARATOR):
        words: list[str] = []
        places: dict[str, list[int]] = {}
        for word in clause.split():
            match = _SLOT.fullmatch(word)
            if match is None:
                words.append(word)
            else:
                places.setdefault(match[1], []).append(int(match[2]))
        if any(taken != sorted(taken) for taken in places.values()):
            words.append(TURNED)
        told.append(" ".join(words))
    return f" {SEPARATOR} ".join(told)


def in_slots(question: Masked, plan: str) -> str:
    """A plan in a question's handles as one in its slots; strange handles stay."""
    names: dict[str, str] = {}
    for letter, slots in by_letter(question.slots).items():
        for place, slot in enumerate(slots, 1):
            names[slot.written] = f"{letter}{place}"
    text = f" {plan} "
    for written in sorted(names, key=len, reverse=True):  # whole made measures before their parts
        if " " in written:
            text = text.replace(f" {written} ", f" {names[written]} ")
    return " ".join(names.get(word, word) for word in text.split())


def case_of(question: Masked, plan: str, source: str = "") -> Case:
    """A case from a solved question and its plan in the question's handles.

    Raises:
        AnswerError: the plan uses a handle that the question does not name.
    """
    told = in_slots(question, plan)
    left = [word for word in told.split() if PATTERN.fullmatch(word)]
    if left:
        raise AnswerError(f"the plan uses {', '.join(left)}, which its question does not name")
    return Case(question=question.text, signature=question.signature, plan=told, source=source)


def model_shape(plan: str, question: Masked) -> str:
    """The shape of a plan over a question's handles, made measures counted as one.

    ``get share <c1> <c2> <e1>`` is a ``get`` where the question names the share by its own name.
    """
    words = [w for w in in_slots(question, plan).split() if not PATTERN.fullmatch(w)]
    return shape(" ".join(words))
