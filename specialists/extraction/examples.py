"""Generated passages with an asked figure. Public data come from ``loaders.py``.

A passage has the sentence asked about (or none), distractors on other metrics, periods and companies, and
noise with figures of no metric. The gold figure is drawn first, written, and read back by the same code
that serves: an example whose reading differs from what was drawn is not made.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from specialists.extraction.check import NOT_FOUND, ExtractionAnswer
from specialists.extraction.frames import (
    GUIDE,
    LEVEL,
    METRICS,
    NOISE,
    OPEN_METRICS,
    PAIR,
    RANGE,
    SPECIFIC,
    TABLE,
)
from specialists.extraction.render import LONGEST, ExtractionInputs, concept, dressed
from specialists.foundation.errors import AnswerError
from specialists.phrasing import Phrasing
from specialists.task import Example, Fold
from specialists.workspace.masking import plain
from specialists.workspace.names import company_names
from specialists.workspace.numbers import scan

if TYPE_CHECKING:
    from specialists.extraction.task import ExtractionTask

UNANSWERABLE = 0.15
"""Share of passages that do not tell what is asked."""
SHUFFLED = 0.3
"""Share of training dialogues whose handles are numbered at random; in service they are in order."""

_GUIDED = ("capital expenditure guidance", "revenue guidance")
_TWINS = {"revenue guidance": "revenue", "capital expenditure guidance": "capital expenditure"}
_OPEN, _CLOSE = "\1", "\2"  # stand around the gold figure until the passage is whole
_SIGNS = (("$", 80), ("€", 8), ("£", 6), ("USD ", 2), ("C$", 2), ("CHF ", 1), ("¥", 1))
_ISO = {"$": "USD", "€": "EUR", "£": "GBP", "USD ": "USD", "C$": "CAD", "CHF ": "CHF", "¥": "JPY"}


@dataclass(frozen=True)
class Metric:
    """A metric as a draw uses it."""

    name: str
    kind: str
    powers: tuple[float, float]
    phrases: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Drawn:
    """An example before it is written as a dialogue."""

    text: str
    metric: str
    asked_year: int | None
    gold_year: int | None
    amount: float | None
    """What the gold figure is worth; None when the passage does not tell it."""
    template: str


def generate(
    task: ExtractionTask, fold: Fold, count: int, seed: int
) -> Iterator[Example[ExtractionInputs, ExtractionAnswer]]:
    """``count`` examples of a fold, the same for the same seed."""
    rng = random.Random(f"extraction/{fold}/{seed}")
    names = _names("train" if fold in ("train", "dev") else "heldout")
    made = 0
    while made < count:
        example = _example(task, rng, fold, names, f"extraction/{fold}/{seed}/{made}")
        if example is not None:
            made += 1
            yield example


def _example(
    task: ExtractionTask, rng: random.Random, fold: Fold, names: list[str], name: str
) -> Example[ExtractionInputs, ExtractionAnswer] | None:
    owner, other = rng.sample(names, 2)
    about = rng.randint(2008, 2025)
    passage = _Passage(rng, fold, owner, other, about)
    drawn = passage.draw()
    before, mark, rest = drawn.text.partition(_OPEN)
    figure, _, after = rest.partition(_CLOSE)
    text = before + figure + after
    entity = passage.asked if rng.random() < 0.93 or passage.asked != owner else ""
    headed = rng.random() < 0.88 or not drawn.gold_year or passage.relative
    inputs = ExtractionInputs(
        text=text,
        metric=drawn.metric,
        entity=entity,
        year=drawn.asked_year,
        owner=owner if headed or entity != owner else "",
        about=about if headed else None,
        others=tuple(n for n in (owner, other) if n != entity and n.casefold() in text.casefold()),
    )
    answer = NOT_FOUND
    if drawn.amount is not None:
        place = next((n for n in scan(text) if n.start <= len(before) < n.end), None)
        if not mark or place is None or place.end > LONGEST:
            return None
        quantity = dressed(place, drawn.metric, text)
        if not math.isclose(quantity.amount, drawn.amount, rel_tol=1e-6):
            return None
        answer = ExtractionAnswer(
            found=True,
            metric=drawn.metric,
            entity=entity or inputs.owner,
            period=drawn.gold_year,
            value=quantity.value,
            unit=quantity.unit,
            scale=quantity.scale,
            start=place.start,
            end=place.end,
        )
    shuffle = rng.randrange(1 << 30) if fold == "train" and rng.random() < SHUFFLED else None
    try:
        dialogue = task.solved(inputs, answer, shuffle)
    except AnswerError:  # a year or figure that the rendering does not see
        return None
    return Example(
        id=name,
        inputs=inputs,
        answer=answer,
        dialogue=dialogue,
        fold=fold,
        company=owner,
        template=drawn.template,
    )


class _Passage:
    """Draws one passage: who, when, what, and in which words."""

    def __init__(self, rng: random.Random, fold: Fold, owner: str, other: str, about: int) -> None:
        self.rng, self.fold = rng, fold
        self.owner, self.other, self.about = owner, other, about
        self.asked = owner
        self.sign = rng.choices([s for s, _ in _SIGNS], [w for _, w in _SIGNS])[0]
        self.pronoun = rng.choice(("we", "the company", "name", "name", "it"))
        self.relative = False

    def draw(self) -> Drawn:
        rng = self.rng
        metric = _metric(rng)
        if rng.random() < UNANSWERABLE:
            return self._silent(metric)
        if rng.random() < 0.07 and metric.name not in _GUIDED:
            return self._table(metric)
        foreign = rng.random() < 0.08  # the owner's document tells another company's figure
        if foreign:
            self.asked = self.other
        sentence, asked, gold, amount, template, words = self._fact(metric, named=foreign)
        if foreign:
            sentence = self._named(sentence)
        company = self.owner if foreign else self.other
        extra = self._distractors(metric, asked_for=company if rng.random() < 0.12 else None)
        return Drawn(self._join(sentence, extra), words, asked, gold, amount, template)

    # --- what is asked ----------------------------------------------------------------------------

    def _fact(
        self, metric: Metric, *, named: bool = False
    ) -> tuple[str, int | None, int, float, str, str]:
        """A sentence with its gold figure marked, the asked and the gold year, the amount."""
        rng = self.rng
        guided = metric.name in _GUIDED
        grammar = self._grammar(metric)
        year, earlier = (self.about + 1, self.about) if guided else (self.about, self.about - 1)
        now, then = self._value(metric), self._value(metric)
        high = self._value(metric, near=now[1])
        words = rng.choice(metric.questions)
        pick = "v"
        text, template = self._sentence(grammar, metric, now, then, high, year, earlier, named, "v")
        if grammar is PAIR and rng.random() < 0.35:
            pick = "w"
        elif "\3" in text and rng.random() < 0.4:
            pick, words = "h", rng.choice(("high end of {}", "upper end of {}")).format(words)
        text = self._marked(text, pick)
        gold = earlier if pick == "w" else year
        amount = {"v": now[1], "w": then[1], "h": high[1]}[pick]
        asked: int | None = gold
        if pick != "w" and rng.random() < 0.2:
            asked = None
        elif guided and rng.random() < 0.25:
            asked = self.about  # a plan told in that year
        return text, asked, gold, amount, template, words

    def _grammar(self, metric: Metric) -> Phrasing:
        own, dice = SPECIFIC.get(metric.name), self.rng.random()
        if own is not None and not own.pool(self.fold):
            own = None
        if metric.name in _GUIDED:
            if own is not None and dice < 0.45:
                return own
            return GUIDE if dice < 0.75 else RANGE
        if own is not None and dice < 0.45:
            return own
        return PAIR if self.rng.random() < 0.5 else LEVEL

    def _sentence(
        self,
        grammar: Phrasing,
        metric: Metric,
        now: tuple[str, float],
        then: tuple[str, float],
        high: tuple[str, float],
        year: int,
        earlier: int,
        named: bool = False,
        mode: str = "",
    ) -> tuple[str, str]:
        """A sentence. With ``mode`` its values stay marked: ``\\4v…\\2`` for v, w and h (``\\3`` for h)."""
        rng = self.rng
        subject, genitive = self._who(named)
        marks = {"v": f"\4v{now[0]}\2", "w": f"\4w{then[0]}\2", "h": f"\3\4h{high[0]}\2"}
        slots = marks if mode else {"v": now[0], "w": then[0], "h": high[0]}
        text, template = grammar.draw(
            rng,
            self.fold,
            m=rng.choice(metric.phrases),
            e=subject,
            g=genitive,
            p=f"\5{self._when(year)}\6",
            b=self._when(earlier, earlier=True),
            x="\0x",
            y="\0y",
            k="\0k",
            **slots,
        )
        return self._tidy(self._figures(text, metric), year), template

    @staticmethod
    def _marked(text: str, pick: str) -> str:
        """Keep the marks of the asked figure only."""
        text = text.replace("\3", "")
        return re.sub(
            "\4([vwh])([^\2]*)\2",
            lambda m: f"{_OPEN}{m[2]}{_CLOSE}" if m[1] == pick else m[2],
            text,
        )

    # --- what is not told ---------------------------------------------------------------------------

    def _silent(self, metric: Metric) -> Drawn:
        rng, dice = self.rng, self.rng.random()
        words = rng.choice(metric.questions)
        asked: int | None = self.about if rng.random() < 0.8 else None
        if (
            dice < 0.4 or metric.name in _GUIDED
        ):  # another metric, of the same kind where there is one
            twin = _TWINS.get(metric.name)
            rival = _by_name(twin) if twin and rng.random() < 0.6 else _metric(rng, metric)
            sentence, _, _, _, template, _ = self._fact(rival)
            if metric.name in _GUIDED:
                asked = self.about + rng.randint(0, 1)
        elif dice < 0.55 and metric.name in _TWINS.values():  # only the plan is told
            plan = next(g for g, actual in _TWINS.items() if actual == metric.name)
            sentence, _, _, _, template, _ = self._fact(_by_name(plan))
            asked = self.about + 1
        elif dice < 0.8:  # another year
            sentence, _, _, _, template, _ = self._fact(metric)
            asked = self.about + rng.choice((-6, -5, -4, -3, -2, 2, 3))
        else:  # another company
            sentence, asked, _, _, template, _ = self._fact(metric)
            self.asked = self.other
        sentence = sentence.replace(_OPEN, "").replace(_CLOSE, "")
        extra = [] if dice >= 0.4 else self._distractors(metric, asked_for=None)
        return Drawn(self._join(sentence, extra), words, asked, None, None, template)

    # --- a table run together -----------------------------------------------------------------------

    def _table(self, metric: Metric) -> Drawn:
        rng = self.rng
        unit, scale = rng.choice((("millions", 1e6), ("thousands", 1e3)))
        money = metric.kind == "money"
        rows = [metric] if money else []
        while len(rows) < 3:
            other = _metric(rng, *rows, metric)
            if other.kind == "money" and other.name not in _GUIDED:
                rows.append(other)
        rng.shuffle(rows)
        target = metric if money else rng.choice(rows)
        newest_first = rng.random() < 0.6
        column = rng.randrange(2)
        cells: list[str] = []
        amount = 0.0
        for row in rows:
            cells.append(rng.choice(row.phrases))
            for place in range(2):
                value = round(10 ** rng.uniform(1, 4.5), rng.choice((0, 0, 1)))
                digits = 0 if value == int(value) else 1
                sign = self.sign.strip() if row is rows[0] and place == 0 else ""
                shown = f"{sign} {value:,.{digits}f}".strip()
                if row is target and place == column:
                    shown, amount = f"{_OPEN}{shown}{_CLOSE}", value * scale
                cells.append(shown)
            if rng.random() < 0.3:
                cells.append(rng.choice((";", "|")))
        years = (self.about, self.about - 1) if newest_first else (self.about - 1, self.about)
        text, template = TABLE.draw(
            rng,
            self.fold,
            s=rng.choice((f"in {unit}", f"amounts in {unit}")),
            p=str(years[0]),
            b=str(years[1]),
            e=self.owner,
            r=" ".join(cells),
        )
        gold = years[column]
        words = rng.choice(target.questions)
        return Drawn(text, words, gold, gold, amount, template)

    # --- around it ----------------------------------------------------------------------------------

    def _distractors(self, metric: Metric, asked_for: str | None) -> list[str]:
        rng = self.rng
        extra: list[str] = []
        for _ in range(rng.choices((0, 1, 2, 3, 4), (28, 32, 20, 12, 8))[0]):
            other = _metric(rng, metric)
            grammar = self._grammar(other)
            year = self.about + 1 if other.name in _GUIDED else self.about
            extra.append(self._plain(grammar, other, year))
        twin = next((g for g, actual in _TWINS.items() if actual == metric.name), None)
        if twin and rng.random() < 0.25:
            extra.append(self._plain(GUIDE, _by_name(twin), self.about + 1))
        if metric.name in _TWINS and rng.random() < 0.4:
            extra.append(self._plain(LEVEL, _by_name(_TWINS[metric.name]), self.about))
        if asked_for is not None:
            keep, self.asked = self.asked, asked_for
            extra.append(self._named(self._plain(LEVEL, metric, self.about, named=True)))
            self.asked = keep
        for _ in range(rng.choices((0, 1, 2), (45, 40, 15))[0]):
            extra.append(self._plain(NOISE, metric, self.about))
        return extra

    def _plain(self, grammar: Phrasing, metric: Metric, year: int, *, named: bool = False) -> str:
        if not grammar.pool(self.fold):
            return ""
        values = self._value(metric), self._value(metric)
        high = self._value(metric, near=values[0][1])
        return self._sentence(grammar, metric, *values, high, year, year - 1, named)[0]

    def _named(self, sentence: str) -> str:
        """A sentence on another company than the passage's must say so."""
        if self.asked.casefold() in sentence.casefold():
            return sentence
        ways = ("at {0} , {1}", "{0} : {1}", "in the case of {0} , {1}", "{0} reports that {1}")
        return self.rng.choice(ways).format(self.asked, sentence)

    def _join(self, sentence: str, extra: list[str]) -> str:
        rng = self.rng
        parts = [sentence, *(e for e in extra if e)]
        if not (self.pronoun == "it" or self.relative):
            rng.shuffle(parts)
        else:
            head = parts.pop(0)
            rng.shuffle(parts)
            parts.insert(rng.randint(0, len(parts)), head)
        if rng.random() < 0.3:
            parts.insert(
                0,
                rng.choice(
                    (
                        "overview",
                        "item 7",
                        "highlights",
                        "results of operations",
                        f"{self.owner} , fiscal {self.about}",
                        f"{self.owner} annual report",
                    )
                ),
            )
        if rng.random() < 0.25:  # tokenised, as 10-K corpora are
            return " . ".join(_spaced(part) for part in parts) + " ."
        text = ". ".join(_capital(_unspaced(part)) for part in parts) + "."
        return text

    # --- words --------------------------------------------------------------------------------------

    def _who(self, named: bool) -> tuple[str, str]:
        name = self.asked
        if named or self.pronoun == "name" or self.asked != self.owner:
            return name, f"{name} 's"
        return {"we": ("we", "our"), "it": ("it", "its")}.get(
            self.pronoun, ("the company", "the company 's")
        )

    def _when(self, year: int, *, earlier: bool = False) -> str:
        rng, dice = self.rng, self.rng.random()
        if earlier and year == self.about - 1 and dice < 0.33:
            self.relative = True
            return rng.choice(
                (
                    "the prior year",
                    "the previous year",
                    "the preceding year",
                    "the prior fiscal year",
                )
            )
        if not earlier and year == self.about + 1 and dice < 0.15:
            self.relative = True
            return rng.choice(("next year", "the coming year", "the following year"))
        forms = (
            f"{year}",
            f"fiscal {year}",
            f"fiscal year {year}",
            f"december 31 , {year}",
            f"june 30 , {year}",
            f"FY{year}",
            f"FY{year % 100:02d}",
            f"the year ended december 31 , {year}",
        )
        return rng.choices(forms, (50, 16, 5, 10, 3, 3, 3, 6))[0]

    def _tidy(self, text: str, year: int) -> str:
        rng = self.rng
        if (
            year == self.about and rng.random() < 0.28
        ):  # reports rarely say which year they are about
            text, undated = _DATED.subn(lambda m: self._undated(m[1]), text)
            self.relative = self.relative or undated > 0
        text = text.replace("\5", "").replace("\6", "")
        if rng.random() < 0.3:
            text = re.sub(
                r"\b(?:in|for|during) the (?:prior|previous|preceding) year\b",
                lambda m: rng.choice(
                    ("a year earlier", "the year before", "last year", "one year earlier")
                ),
                text,
            )
        text = re.sub(
            r"\bwe (\{?)(expects|plans|intends|aims)\b", lambda m: f"we {m[2][:-1]}", text
        )
        return re.sub(r"\b(in|at|for|during|by) (?:in|for|during) ", r"\1 ", text)

    def _undated(self, preposition: str) -> str:
        lasting = preposition in ("in", "for", "during")
        ways = ("in the year", "for the year", "this year", "for the full year")
        points = (
            "at year end",
            "at the end of the year",
            "at the end of the fiscal year",
            "at present",
        )
        return self.rng.choice(("", "", *(ways if lasting else points)))

    def _figures(self, text: str, metric: Metric) -> str:
        """Fill the figures of no metric, each on its own."""
        parts = text.split("\0")
        return parts[0] + "".join(self._figure(p[0], metric) + p[1:] for p in parts[1:])

    def _figure(self, slot: str, metric: Metric) -> str:
        rng = self.rng
        if slot == "k":
            return str(rng.choice((2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 17, 22)))
        if slot == "y":
            return rng.choice(("{:.1f}%", "{:.0f}%", "{:.1f} percent", "{:.1f} %")).format(
                rng.uniform(1, 60)
            )
        return self._value(metric)[0]

    def _value(self, metric: Metric, near: float | None = None) -> tuple[str, float]:
        """A figure of the metric's kind and size, written, and what it is worth."""
        rng = self.rng
        amount = (
            10 ** rng.uniform(*metric.powers) if near is None else near * rng.uniform(1.02, 1.3)
        )
        if metric.kind == "%":
            return _percent(rng, amount)
        if metric.kind == "count":
            return _count(rng, amount)
        return _money(rng, amount, self.sign)


def _percent(rng: random.Random, amount: float) -> tuple[str, float]:
    digits = rng.choice((0, 1, 1, 1, 2)) if amount >= 1 else 1
    value = max(round(amount, digits), 0.1)
    form = rng.choices(("{}%", "{} %", "{} percent", "{} per cent"), (60, 15, 20, 5))[0]
    return form.format(f"{value:.{digits}f}"), value


def _count(rng: random.Random, amount: float) -> tuple[str, float]:
    whole = max(3, round(amount))
    if whole >= 1e6 and rng.random() < 0.7:
        value = round(whole / 1e6, rng.choice((1, 2)))
        return f"{value:g} million", value * 1e6
    if whole >= 1000 and rng.random() < 0.5:
        whole = round(whole, -2)
    if 1900 <= whole <= 2099:
        whole = 2100 + whole % 100
    return (f"{whole:,}" if rng.random() < 0.9 else f"{whole}"), float(whole)


def _money(rng: random.Random, amount: float, sign: str) -> tuple[str, float]:
    if amount >= 1e12:
        amount = 9e11
    small = amount < 1e6
    if small and rng.random() < 0.6:
        value = round(amount, -3)
        return f"{sign}{max(value, 1000):,.0f}", float(max(value, 1000))
    if amount >= 1e9 and rng.random() < 0.6:
        scale, words = 1e9, (" billion", " billion", " billion", "bn", " bn")
    elif small:
        scale, words = 1e3, (" thousand",)
    else:
        scale, words = 1e6, (" million", " million", " million", " million", "m", " mn")
    value = amount / scale
    value = round(value, rng.choice((0, 1, 1, 2) if value >= 10 else (1, 2)))
    value = max(value, 0.1)
    digits = (
        0
        if value == int(value) and rng.random() < 0.7
        else len(f"{value:.2f}".rstrip("0").split(".")[1])
    )
    return f"{sign}{value:,.{digits}f}{rng.choice(words)}", value * scale


_DATED = re.compile(
    r"\b(in|for|during|as of the end of|as of|by the end of|at the end of|at the close of|at) "
    "\5[^\6]*\6(?! and| ,? ?respectively)"
)
_PLACES = re.compile(f"([{_OPEN}{_CLOSE}])")


def _spaced(text: str) -> str:
    """Tokenised as 10-K corpora are: lower case, punctuation apart; the marks stay."""
    return (
        " ".join(
            part if part in (_OPEN, _CLOSE) else plain(part)
            for part in _PLACES.split(text)
            if part.strip()
        )
        .replace(f"{_OPEN} ", _OPEN)
        .replace(f" {_CLOSE}", _CLOSE)
    )


def _unspaced(text: str) -> str:
    """As written: no space before a comma, none inside parentheses."""
    text = re.sub(r" ([,;:!?)])", r"\1", text).replace("( ", "(").replace(" 's", "'s")
    text = re.sub(
        r"\b(january|february|march|april|may|june|july|august|september|october|november|december)(?= \d)",
        lambda m: m[1].capitalize(),
        text,
    )
    return re.sub(r"  +", " ", text)


def _capital(text: str) -> str:
    """The first letter of a sentence in upper case."""
    return text[:1].upper() + text[1:] if text[:1] != _OPEN else text


@cache
def _pool() -> tuple[tuple[Metric, ...], tuple[int, ...]]:
    told = [Metric(name, *METRICS[name]) for name in METRICS]
    free = [
        Metric(n, kind, powers, phrases, (n, *phrases))
        for n, (kind, powers, phrases) in OPEN_METRICS.items()
    ]
    weights = [46 if m.name in SPECIFIC else 14 for m in told] + [7 for _ in free]
    return (*told, *free), tuple(weights)


def _metric(rng: random.Random, *others: Metric) -> Metric:
    """A metric whose concept none of the others shares."""
    metrics, weights = _pool()
    taken = {concept(q) for o in others for q in (*o.phrases, *o.questions)}
    while True:
        metric = rng.choices(metrics, weights)[0]
        if taken.isdisjoint(concept(q) for q in (*metric.phrases, *metric.questions)):
            return metric


def _by_name(name: str) -> Metric:
    return next(m for m in _pool()[0] if m.name == name)


@cache
def _names(split: str) -> list[str]:
    return company_names("train" if split == "train" else "heldout", 400, 7)
