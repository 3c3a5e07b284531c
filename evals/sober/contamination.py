"""What a test shares with what was learned from: strings of words, companies, templates.

The method is that of GPT-3's appendix C (Brown et al. 2020, arXiv 2005.14165): words are lower-case
and without punctuation; the string's length N is the 5th percentile of the test's lengths in words,
from 8 to 13; a string that more than ten training texts hold is a common phrase and counts for
nothing. Generated text is made of frames, so common phrases are most of what it shares: they are
told apart as ``boilerplate``, not thrown away.

Overlap says what could have been remembered. It does not say that it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError
from specialists.task import Example, Task

SHORTEST, LONGEST = 8, 13
"""Words of a string that counts, at least and at most."""
COMMON = 10
"""Training texts that may hold a string before it is a common phrase."""
SHOWN = 5
"""Examples of what was found."""

_DROPPED = re.compile(r"[^\w\s]+")


@dataclass(frozen=True)
class Text:
    """One question of a test, or one text that was learned from."""

    id: str
    text: str
    company: str = ""
    template: str = ""


class Shared(Value):
    """A string that a test question and a training text both hold."""

    question: str
    """Its id."""
    learned: str
    """Id of the first training text that holds it."""
    words: str


class Overlap(Value):
    """What a test shares with what was learned from; shares are of the test's questions."""

    test: int
    learned: int
    """Texts that were learned from."""
    size: int
    """Words of a string (N)."""
    same: float
    """Word for word a training text, whole."""
    dirty: float
    """Holding a string of a training text that is no common phrase."""
    boilerplate: float
    """Holding common phrases of training texts, and no other of their strings."""
    clean: float
    """Sharing no string at all."""
    companies: float | None
    """Of a company that was learned about; None: no question has one."""
    templates: float | None
    examples: tuple[Shared, ...] = ()
    dirty_ids: tuple[str, ...] = ()
    """Questions that are dirty, so that they can be left out."""


def words(text: str) -> list[str]:
    """Lower-case words without punctuation: ``$9,070 (net)`` is ``9070 net``."""
    return _DROPPED.sub("", text.lower()).split()


def size(tests: Sequence[Sequence[str]]) -> int:
    """Words of a string that counts: the 5th percentile of the tests' lengths, within bounds."""
    lengths = sorted(len(each) for each in tests)
    return min(max(lengths[int(0.05 * len(lengths))], SHORTEST), LONGEST)


def _strings(told: Sequence[str], size: int) -> set[tuple[str, ...]]:
    """All strings of a text; of a text that is shorter, the whole."""
    if len(told) <= size:
        return {tuple(told)} if told else set()
    return set(zip(*(told[place:] for place in range(size)), strict=False))


def overlap(learned: Iterable[Text], test: Sequence[Text], *, common: int = COMMON) -> Overlap:
    """Compare a test with what was learned from, which is read once and not kept.

    Raises:
        DataError: an empty test, or nothing that was learned from.
    """
    asked = [words(each.text) for each in test]
    if not asked:
        raise DataError("there is no test to compare with what was learned from")
    length = size(asked)
    held = [_strings(each, length) for each in asked]
    wanted: set[tuple[str, ...]] = set().union(*held)
    whole = {tuple(each) for each in asked}
    met: Counter[tuple[str, ...]] = Counter()
    first: dict[tuple[str, ...], str] = {}
    seen: set[tuple[str, ...]] = set()
    companies: set[str] = set()
    templates: set[str] = set()
    count = 0
    for each in learned:
        count += 1
        told = words(each.text)
        companies.add(_plain(each.company))
        templates.add(each.template)
        found = _strings(told, length) & wanted
        met.update(found)
        for string in found:
            first.setdefault(string, each.id)
        if tuple(told) in whole:
            seen.add(tuple(told))
    if not count:
        raise DataError("there is nothing that was learned from")
    rare = [{s for s in strings if 0 < met[s] <= common} for strings in held]
    often = [any(met[s] > common for s in strings) for strings in held]
    dirty = [n for n, strings in enumerate(rare) if strings]
    total = len(test)
    boilerplate = sum(o and not r for o, r in zip(often, rare, strict=True))
    shown = (
        Shared(question=test[n].id, learned=first[string], words=" ".join(string))
        for n in dirty[:SHOWN]
        for string in (min(rare[n]),)
    )
    return Overlap(
        test=total,
        learned=count,
        size=length,
        same=sum(tuple(each) in seen for each in asked) / total,
        dirty=len(dirty) / total,
        boilerplate=boilerplate / total,
        clean=(total - len(dirty) - boilerplate) / total,
        companies=_share([_plain(each.company) for each in test], companies),
        templates=_share([each.template for each in test], templates),
        examples=tuple(shown),
        dirty_ids=tuple(test[n].id for n in dirty),
    )


def _plain(company: str) -> str:
    return " ".join(words(company))


def _share(told: Sequence[str], known: set[str]) -> float | None:
    named = [each for each in told if each]
    return sum(each in known for each in named) / len(named) if named else None


# --- what was learned from ------------------------------------------------------------------------

JOBS = ("sentiment", "extraction", "table_qa", "calculation", "planning", "maths")
"""In the order in which the released corpus numbers them."""
SHARD = 1_000
"""Dialogues of one of its shards: the unit of its seeds."""


def text(example: Example[Any, Any]) -> Text:
    """An example as its words: the question, and the passage it is asked of.

    Tables and catalogues are left out: their figures are drawn anew for each example.
    """
    inputs = example.inputs
    parts = [str(getattr(inputs, name, "") or "") for name in ("question", "metric", "text")]
    parts += list(getattr(inputs, "context", ()) or ())
    told = "\n".join(part for part in parts if part)
    return Text(example.id, told, example.company, example.template)


def generated(
    task: Task[Any, Any], recipe: Mapping[str, Any], most: int | None = None
) -> Iterator[Example[Any, Any]]:
    """The generated examples of a run record's recipe, made again.

    Of a tuning run a few more are made than were learned from, since its recipe held some back to
    watch with: the overlap is then an upper bound.

    Args:
        recipe: ``RunRecord.recipe`` of an adapter.
        most: examples, at most; None: all.

    Raises:
        DataError: the run learned from a file of somebody's own, which no record can bring back.
    """
    limit = most if most is not None else 10**9
    if "corpus_seed" in recipe:
        yield from _released(task, recipe, limit)
        return
    data: Mapping[str, Any] = recipe["data"]
    if data.get("file"):
        raise DataError(
            f"the run learned from {data['file']}: compare the test with that file itself"
        )
    parts: Sequence[Mapping[str, Any]] = data["parts"]
    whole = sum(part["share"] for part in parts)
    for part in parts:
        share = part["share"] / whole
        count = int(data["count"] * share / (1 - data["held"])) + 1
        drawn = task.sliced(part["slice"]) if part["slice"] else task
        yield from drawn.examples("train", min(count, int(limit * share) + 1), data["seed"])


def _released(
    task: Task[Any, Any], recipe: Mapping[str, Any], limit: int
) -> Iterator[Example[Any, Any]]:
    """The corpus of the released weights, shard by shard."""
    place = JOBS.index(task.name)
    total = min(int(recipe["examples"]), limit)
    for index in range(-(-total // SHARD)):
        count = min(SHARD, total - index * SHARD)
        seed = recipe["corpus_seed"] * 1_000_003 + index * 16 + place
        yield from task.examples("train", count, seed)
