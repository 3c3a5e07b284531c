"""Whether gold can be trusted: questions asked twice with other answers, and two judges held
against each other.

Near-duplicates are found exactly, not by hashing: two texts are near when the Jaccard overlap of
their words is at least ``NEAR`` and they name the same figures. Pairs are looked for among texts
that share one of a text's rarest words, of which a near pair must share at least one (prefix
filtering: Chaudhuri, Ganti and Kaushik 2006, ICDE; Bayardo, Ma and Srikant 2007, WWW). What is
found is for a person to read: a near pair may well have two right answers.

Cohen 1960, Educational and Psychological Measurement 20, 37-46: agreement beyond chance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from evals.sober.contamination import words
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError

NEAR = 0.9
"""Jaccard overlap of words from which two texts are near."""
SHOWN = 8
"""Examples of what was found."""

Same = Callable[[str, str], bool]


@dataclass(frozen=True)
class Labelled:
    """A question with its gold answer."""

    id: str
    text: str
    gold: str
    context: str = ""
    """What it is asked of (a page, a company): questions of two contexts are never the same."""


class Clash(Value):
    """One question asked twice, with two answers."""

    first: str
    """Id."""
    second: str
    text: str
    """Of the first."""
    other: str
    """Of the second, where it differs."""
    golds: tuple[str, str]


class Quality(Value):
    """What was found about the labels of one data set."""

    count: int
    repeated: int
    """Questions that are another's word for word, in the same context."""
    clashing: int
    """Groups of these with more than one gold answer."""
    near: int
    """Pairs that are nearly the same question."""
    near_clashing: int
    """Of these, with other answers."""
    examples: tuple[Clash, ...]


class Agreement(Value):
    """Two judges of the same answers."""

    count: int
    both: int
    """Right for both."""
    neither: int
    first_only: int
    second_only: int
    kappa: float | None
    """Cohen's; None: both say the same of everything."""
    ids: tuple[str, ...]
    """What they differ on."""

    @property
    def share(self) -> float:
        """On which they agree."""
        return (self.both + self.neither) / self.count


def quality(items: Sequence[Labelled], *, near: float = NEAR, same: Same | None = None) -> Quality:
    """Look for questions that are asked twice.

    Args:
        near: Jaccard overlap of words; above 1: near ones are not looked for.
        same: whether two gold answers are the same; None: the same text.

    Raises:
        DataError: no questions.
    """
    if not items:
        raise DataError("there are no labelled questions")
    alike = same or (lambda a, b: a == b)
    told = [words(item.text) for item in items]
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        groups[item.context, *told[number]].append(number)
    repeated = [numbers for numbers in groups.values() if len(numbers) > 1]
    clashes = [_clash(items, numbers, alike) for numbers in repeated]
    found = [clash for clash in clashes if clash is not None]
    pairs = list(_near(items, told, near)) if near <= 1 else []
    apart = [(a, b) for a, b in pairs if not alike(items[a].gold, items[b].gold)]
    return Quality(
        count=len(items),
        repeated=sum(len(numbers) for numbers in repeated),
        clashing=len(found),
        near=len(pairs),
        near_clashing=len(apart),
        examples=(*found[:SHOWN], *(_pair(items, a, b) for a, b in apart[:SHOWN])),
    )


def _clash(items: Sequence[Labelled], numbers: Sequence[int], alike: Same) -> Clash | None:
    first = items[numbers[0]]
    for number in numbers[1:]:
        if not alike(first.gold, items[number].gold):
            return _pair(items, numbers[0], number)
    return None


def _pair(items: Sequence[Labelled], a: int, b: int) -> Clash:
    one, two = items[a], items[b]
    return Clash(
        first=one.id,
        second=two.id,
        text=one.text,
        other="" if words(one.text) == words(two.text) else two.text,
        golds=(one.gold, two.gold),
    )


def _near(
    items: Sequence[Labelled], told: Sequence[Sequence[str]], near: float
) -> Iterator[tuple[int, int]]:
    """Pairs of one context that are nearly the same, and not the same."""
    bags = [frozenset(each) for each in told]
    figures = [tuple(sorted(w for w in each if w[:1].isdigit())) for each in told]
    common = Counter(word for bag in bags for word in bag)
    holding: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, bag in enumerate(bags):
        # The rarest words: a near text lacks at most (1 - near) of them, so it shares one of these.
        rarest = sorted(bag, key=lambda word: (common[word], word))
        prefix = rarest[: len(bag) - int(near * len(bag) + 0.999_999) + 1]
        context = items[number].context
        met = dict.fromkeys(n for word in prefix for n in holding[context, word])
        for other in met:
            if figures[other] != figures[number] or list(told[other]) == list(told[number]):
                continue
            shared = len(bag & bags[other])
            if shared >= near * (len(bag) + len(bags[other]) - shared):
                yield other, number
        for word in prefix:
            holding[context, word].append(number)


def agreement(ids: Sequence[str], first: Sequence[bool], second: Sequence[bool]) -> Agreement:
    """How far two judges agree on the same answers.

    Raises:
        DataError: not the same answers, or none.
    """
    if not len(ids) == len(first) == len(second) or not ids:
        raise DataError(f"{len(first)} and {len(second)} judgements of {len(ids)} answers")
    pairs = Counter(zip(map(bool, first), map(bool, second), strict=True))
    count = len(ids)
    observed = (pairs[True, True] + pairs[False, False]) / count
    one, two = sum(map(bool, first)) / count, sum(map(bool, second)) / count
    chance = one * two + (1 - one) * (1 - two)
    return Agreement(
        count=count,
        both=pairs[True, True],
        neither=pairs[False, False],
        first_only=pairs[True, False],
        second_only=pairs[False, True],
        kappa=None if chance == 1 else (observed - chance) / (1 - chance),
        ids=tuple(i for i, a, b in zip(ids, first, second, strict=True) if bool(a) != bool(b)),
    )
