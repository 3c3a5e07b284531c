"""What a calculation works on, and how its words become a short prompt of handles.

A fact is a number with what it measures. The question and the facts' labels share handles where
they speak of the same thing, so that a small model matches tokens instead of words. The linking
here is between one question and the few facts beside it; it knows no workspace (that is
``workspace/links.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from specialists.calculation.beside import Mark, place
from specialists.foundation.contracts import Evidence, Quantity, Value
from specialists.workspace.handles import Handles
from specialists.workspace.lexicon import fold
from specialists.workspace.numbers import scan

LABEL_WORDS = 4
"""A label the question does not mention is shown by at most this many words."""
THRESHOLD = 0.6
"""The share of a label's weight that a mention must cover."""

_TOKEN = re.compile(r"<\w+>|'s\b|[^\W\d_]+(?:'t)?|\d+(?:[.,]\d+)*|[^\w\s]")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DAY = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\s*$",
    re.IGNORECASE,
)
"""What stands before a day of the month."""
_EMPTY = frozenset(
    word
    for line in (
        "the of a an in for to and or on at by with from as is was were are be its their this that",
        "what how much many which who did do does than it total year years ended december net",
        "other",
    )
    for word in line.split()
)


class Fact(Value):
    """A number and what it is."""

    quantity: Quantity
    measure: str = ""
    """What it measures, in words: ``capital expenditure``, a table's row label."""
    entity: str = ""
    """Whose it is: a company, a segment, a table's column that is no year."""
    year: int | None = None
    name: str = ""
    """The input it came in by, where a plan gave it one."""
    evidence: tuple[Evidence, ...] = ()

    @property
    def label(self) -> str:
        """What the number is, for people: ``revenue of Acme Corp in 2022``."""
        whose = f" of {self.entity}" if self.entity else ""
        when = f" in {self.year}" if self.year else ""
        return f"{self.measure or 'value'}{whose}{when}"


class CalculationInputs(Value):
    """A question and the numbers it may use. Numbers in the question's own words count as well."""

    question: str
    facts: tuple[Fact, ...] = ()
    context: tuple[str, ...] = ()
    """Sentences with numbers in them."""
    operation: str = ""
    """What the plan calls this calculation, if it does: a second opinion the model is not told."""


@dataclass
class Prompt:
    """A calculation as a small model reads it, and the fact behind each number's handle."""

    text: str
    facts: dict[str, Fact] = field(default_factory=dict[str, Fact])


@dataclass
class _Word:
    text: str
    key: str
    done: bool = False


def prompt(inputs: CalculationInputs, handles: Handles) -> Prompt:
    """Render inputs with handles inline: the question, then one line a fact or sentence.

    Facts the question names in full stand beside their words in it. Facts of one measure and owner
    stand in the order of their years; groups keep the order given.

    Raises:
        AnswerError: more numbers than one dialogue has handles for.
    """
    seen: dict[str, Fact] = {}
    ordered = _in_order(inputs.facts)
    _bind_years(inputs, handles)
    names: dict[str, str] = {}
    for fact in ordered:
        handle = handles.bind("n", fact.quantity, fact.label, key=f"fact {len(seen)}")
        seen[handle] = fact
        if fact.name:
            names[fact.name] = handle
    question = _words(_with_numbers(inputs.question, handles, seen, names))
    sentences = [_words(_with_numbers(s, handles, seen, {})) for s in inputs.context]
    entities = _bind_entities(ordered, question, handles)
    measures = _bind_measures(ordered, question, handles)
    _share_phrases(question, sentences, handles)
    asked = _text(question, handles)
    told = [_clip(_text(s, handles)) for s in sentences]
    marks = [
        Mark(
            number=handle,
            measure=measures.get(fact.measure, ""),
            entity=entities.get(fact.entity, ""),
            period=_period(fact.year, handles) if fact.year else "",
            year=fact.year,
        )
        for handle, fact in list(seen.items())[: len(ordered)]
    ]
    asked, placed = place(asked, marks)
    for mark in marks:
        if mark.number not in placed:
            what = mark.measure or _short(seen[mark.number].measure, measures)
            told.append(" ".join(p for p in (what, mark.entity, mark.period, mark.number) if p))
    return Prompt("\n".join([asked, *told]), seen)


def _bind_years(inputs: CalculationInputs, handles: Handles) -> None:
    """Years get handles in ascending order: which of two comes first can then be seen."""
    told = " ".join((inputs.question, *inputs.context))
    years = {int(y) for y in _YEAR.findall(told)} | {f.year for f in inputs.facts if f.year}
    handles.ascend("p", len(years))
    for year in sorted(years):
        _period(year, handles)


def _in_order(facts: Sequence[Fact]) -> list[Fact]:
    groups: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        groups.setdefault((fact.measure, fact.entity), []).append(fact)
    return [f for g in groups.values() for f in sorted(g, key=lambda f: f.year or 0)]


def _with_numbers(text: str, handles: Handles, seen: dict[str, Fact], names: dict[str, str]) -> str:
    """The text with its numbers, and the names of inputs written ``$name``, as handles."""
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"\$\{{?{re.escape(name)}\b\}}?", f" {names[name]} ", text)
    parts: list[str] = []
    at = 0
    for number in scan(text):
        before = text[: number.start]
        if number.is_year or before.endswith("<") or _DAY.search(before):
            continue
        fact = Fact(quantity=number.quantity)
        handle = handles.bind("n", number.quantity, number.text, key=f"text {number.text}")
        seen.setdefault(handle, fact)
        parts += [text[at : number.start], f" {handle} "]
        at = number.end
    return "".join([*parts, text[at:]])


def _words(text: str) -> list[_Word]:
    return [_Word(t, fold(t)) for t in _TOKEN.findall(text.lower().replace("’", "'"))]


def _keys(text: str) -> list[str]:
    return [fold(t) for t in _TOKEN.findall(text.lower().replace("’", "'"))]


def _bind_entities(facts: Iterable[Fact], words: list[_Word], handles: Handles) -> dict[str, str]:
    bound: dict[str, str] = {}
    for entity in sorted({f.entity for f in facts if f.entity}, key=lambda e: (-len(e), e)):
        bound[entity] = handles.bind("e", entity, entity)
        keys = _keys(entity)
        while (at := _exact(words, keys)) is not None:
            _replace(words, at, at + len(keys), bound[entity])
    for entity, handle in bound.items():  # a name may be told by its first distinctive word
        if not any(w.text == handle for w in words):
            first = next((k for k in _keys(entity) if k not in _EMPTY), "")
            if first and sum(first in _keys(e) for e in bound) == 1:
                at = _exact(words, [first])
                if at is not None:
                    _replace(words, at, at + 1, handle)
    return bound


def _exact(words: list[_Word], keys: list[str]) -> int | None:
    for at in range(len(words) - len(keys) + 1):
        window = words[at : at + len(keys)]
        if not any(w.done for w in window) and [w.key for w in window] == keys:
            return at
    return None


def _replace(words: list[_Word], start: int, end: int, handle: str) -> None:
    words[start:end] = [_Word(handle, handle, done=True)]


def _bind_measures(facts: Iterable[Fact], words: list[_Word], handles: Handles) -> dict[str, str]:
    """Measures the question mentions, best matches first; the others stay in words."""
    labels = list(dict.fromkeys(f.measure for f in facts if f.measure))
    keys = {label: [k for k in _keys(label) if k.isalpha()] for label in labels}
    bound: dict[str, str] = {}
    while True:
        best: tuple[float, int, int, str] | None = None
        for label in labels:
            if label in bound:
                continue
            match = _window(words, keys[label], labels, keys)
            if match is not None and (best is None or match[0] > best[0]):
                best = (*match, label)
        if best is None:
            return bound
        _, start, end, label = best
        bound[label] = handles.bind("c", label, label)
        _replace(words, start, end, bound[label])
        while (at := _exact(words, keys[label])) is not None:
            _replace(words, at, at + len(keys[label]), bound[label])


def _weight(key: str, labels: Sequence[str], keys: dict[str, list[str]]) -> float:
    common = sum(key in keys[label] for label in labels)
    return (0.3 if key in _EMPTY else 1.0) / (1.0 + 0.25 * (common - 1))


def _window(
    words: list[_Word], keys: list[str], labels: Sequence[str], every: dict[str, list[str]]
) -> tuple[float, int, int] | None:
    """The densest stretch of words that tells a label: its score, start and end."""
    if not keys:
        return None
    weights = {k: _weight(k, labels, every) for k in keys}
    total = sum(weights.values())
    best: tuple[float, int, int] | None = None
    starts = [i for i, w in enumerate(words) if w.key in weights and not w.done]
    for start in starts:
        got: set[str] = set()
        misses = 0
        for end in range(start, min(len(words), start + len(keys) + 4)):
            word = words[end]
            if word.done:
                break
            if word.key not in weights:
                misses += 1
                continue
            got.add(word.key)
            cover = sum(weights[k] for k in got) / total
            score = cover - 0.08 * misses - 0.001 * (end - start)
            content = any(k not in _EMPTY for k in got) or len(got) == len(weights)
            if content and score >= THRESHOLD and (best is None or score > best[0]):
                best = (score + 0.02 * len(got), start, end + 1)
    return best


def _share_phrases(question: list[_Word], sentences: list[list[_Word]], handles: Handles) -> None:
    """Runs of words that question and sentences share become one handle in both."""
    for length in range(10, 0, -1):
        for at in range(len(question) - length, -1, -1):
            window = question[at : at + length]
            if any(w.done for w in window) or not _telling(window):
                continue
            keys = [w.key for w in window]
            hits = [(s, i) for s in sentences if (i := _exact(s, keys)) is not None]
            if not hits or handles.room("d") == 0:
                continue
            text = " ".join(w.text for w in window)
            handle = handles.bind("d", text, text)
            _replace(question, at, at + length, handle)
            for sentence, _ in hits:
                while (i := _exact(sentence, keys)) is not None:
                    _replace(sentence, i, i + length, handle)


def _telling(window: Sequence[_Word]) -> bool:
    """Whether a run of words can name something: content at both ends, not a lone common word."""
    keys = [w.key for w in window]
    if any(not k.isalpha() and k not in ("'s", "&", "-") for k in keys):
        return False
    if keys[0] in _EMPTY or keys[-1] in _EMPTY:
        return False
    return len(keys) > 1 or len(keys[0]) > 5


def _text(words: Sequence[_Word], handles: Handles) -> str:
    return " ".join(
        _period(int(w.text), handles) if not w.done and _YEAR.fullmatch(w.text) else w.text
        for w in words
    )


def _period(year: int, handles: Handles) -> str:
    if handles.room("p") == 0 and str(year) not in {t.label for _, t in handles.items()}:
        return ""
    return handles.bind("p", year, str(year))


def _clip(text: str, before: int = 10) -> str:
    """A sentence cut to the stretch that its handles span, and a few words before."""
    words = text.split()
    marks = [i for i, w in enumerate(words) if w.startswith("<")]
    if not marks:
        return " ".join(words[:24])
    kept = words[max(0, marks[0] - before) : marks[-1] + 3]
    return " ".join(kept[-40:])


def _short(label: str, bound: dict[str, str]) -> str:
    """A label in at most ``LABEL_WORDS`` words; a measure with a handle counts as one."""
    words = _words(label)
    for other, handle in sorted(bound.items(), key=lambda item: -len(item[0])):
        keys = _keys(other)
        at = _exact(words, keys)
        if at is not None:
            _replace(words, at, at + len(keys), handle)
            break
    shown = [
        w.text
        for w in words
        if w.done or w.text == "&" or (w.text.isalpha() and w.text not in ("of", "the", "and"))
    ]
    return " ".join(shown[:LABEL_WORDS])
