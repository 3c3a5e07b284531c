"""The same samples drawn again on another machine: does the verdict travel?

A fifth of the questions, chosen by their hash, is replayed with the same lots on the second
machine. A machine that makes everything easier by the same amount moves no verdict; one that
favours an arm does. So two things are estimated, both paired question by question: each arm's shift
from machine to machine, and how far each contrast moves (arm by machine). A contrast is *portable*
when the 90 % interval of its move lies within the margin (two one-sided tests of equivalence,
Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680), *moved* when its
95 % interval holds no zero, and otherwise nothing was shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

from evals.decision.crossed import Estimate, difference
from evals.decision.samples import Key, Sample
from evals.sober.tables import name, tabled
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError

SHARE = 0.2
"""Of the questions."""

Found = Literal["portable", "moved", "not shown"]


class Shift(Value):
    """How an arm differs from machine to machine."""

    arm: str
    samples: int
    same_output: float
    """Share of replies that are the same, letter for letter."""
    same_score: float
    shift: Estimate
    """Accuracy there less accuracy here."""


class Move(Value):
    """How far a contrast moves with the machine."""

    arm: str
    against: str
    here: float
    there: float
    """The gain on each machine, on the replayed questions."""
    move: Estimate
    found: Found


class Replay(Value):
    """What the second machine made of it."""

    questions: int
    delta: float
    shifts: tuple[Shift, ...]
    moves: tuple[Move, ...]

    @property
    def portable(self) -> bool:
        """Every contrast is."""
        return all(move.found == "portable" for move in self.moves)


def chosen(question: str, share: float = SHARE, seed: int = 0) -> bool:
    """Whether a question is of the block that is replayed; asked of ``paper/question``."""
    drawn = hashlib.sha256(f"replay/{seed}/{question}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") < share * 2**64


def compare(
    here: Sequence[Sample],
    there: Sequence[Sample],
    contrasts: Sequence[tuple[str, str]],
    *,
    delta: float = 0.03,
) -> Replay:
    """Hold two machines' samples against each other, one way to decode at a time.

    Args:
        here: all samples of the first machine.
        there: those of the second: any part of the questions, whole.
        contrasts: arm, and what it is held against.
        delta: how far a contrast may move, as a fraction.

    Raises:
        DataError: nothing in common, or samples that were not drawn with the same lots from the
            same prompts.
    """
    first = {s.key: s for s in here if s.score is not None}
    second = {s.key: s for s in there if s.score is not None}
    shared = sorted(set(first) & set(second))
    if not shared:
        raise DataError("the two machines have no sample in common")
    _alike(first, second, shared)
    arms = sorted({key.arm for key in shared})
    one = tabled([first[key] for key in shared], arms)
    two = tabled([second[key] for key in shared], arms)
    if one.sheet.questions != two.sheet.questions:
        raise DataError("the two machines did not answer the same questions")
    sheet = one.sheet
    mine = {arm: scores.mean(axis=2) for arm, scores in one.arms.items()}
    theirs = {arm: scores.mean(axis=2) for arm, scores in two.arms.items()}
    shifts: list[Shift] = []
    for arm in arms:
        own = [key for key in shared if key.arm == arm]
        shifts.append(
            Shift(
                arm=arm,
                samples=len(own),
                same_output=sum(first[k].output == second[k].output for k in own) / len(own),
                same_score=sum(first[k].score == second[k].score for k in own) / len(own),
                shift=difference(theirs[arm], mine[arm], sheet.companies),
            )
        )
    moves: list[Move] = []
    for arm, against in contrasts:
        missing = {arm, against} - set(arms)
        if missing:
            raise DataError(f"nothing of {', '.join(sorted(missing))} was replayed")
        moved = difference(
            theirs[arm] - mine[arm], theirs[against] - mine[against], sheet.companies
        )
        moves.append(
            Move(
                arm=arm,
                against=against,
                here=float(mine[arm].mean() - mine[against].mean()),
                there=float(theirs[arm].mean() - theirs[against].mean()),
                move=moved,
                found=_found(moved, delta),
            )
        )
    return Replay(
        questions=len(sheet.questions), delta=delta, shifts=tuple(shifts), moves=tuple(moves)
    )


def _found(move: Estimate, delta: float) -> Found:
    low, high = move.at(0.90)
    if -delta < low and high < delta:
        return "portable"
    return "moved" if move.low > 0 or move.high < 0 else "not shown"


def _alike(
    first: Mapping[Key, Sample], second: Mapping[Key, Sample], shared: Sequence[Key]
) -> None:
    for key in shared:
        one, two = first[key], second[key]
        told = f"arm {key.arm}, run {key.run}, question {name(one)}, draw {key.draw}"
        if one.draw_seed != two.draw_seed:
            raise DataError(f"{told}: drawn with lot {one.draw_seed} here, {two.draw_seed} there")
        if one.messages_digest != two.messages_digest:
            raise DataError(f"{told}: the two machines were asked in other words")
        if one.seed != two.seed:
            raise DataError(f"{told}: other training runs under one number")
