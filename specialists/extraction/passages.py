"""Draws one generated passage: who, when, what, and in which words.

A passage has the sentence asked about (or none), distractors on other metrics, periods and
companies, and noise with figures of no metric.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from specialists.extraction.frames import (
    GUIDE,
    JOINT,
    LEVEL,
    NOISE,
    PAIR,
    RANGE,
    SPECIFIC,
    TABLE,
    TRIPLE,
)
from specialists.extraction.metrics import GUIDED, TWINS, Metric, draw, named
from specialists.extraction.writing import (
    CLOSE,
    DATED,
    OPEN,
    SIGNS,
    capital,
    count,
    money,
    percent,
    price,
    spaced,
    unspaced,
)
from specialists.phrasing import Phrasing
from specialists.task import Fold

UNANSWERABLE = 0.15
"""Share of passages that do not tell what is asked."""
DATELESS = 0.05
"""Share of passages that try to name no year at all, as notes and excerpts do."""


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


class Writer:
    """Draws one passage: who, when, what, and in which words."""

    def __init__(self, rng: random.Random, fold: Fold, owner: str, other: str, about: int) -> None:
        self.rng = rng
        self.fold: Fold = fold
        self.owner, self.other, self.about = owner, other, about
        self.asked = owner
        self.sign = rng.choices(list(SIGNS), list(SIGNS.values()))[0]
        self.pronoun = rng.choice(("we", "the company", "name", "name", "it"))
        self.relative = False
        self.dateless = rng.random() < DATELESS

    def write(self) -> Drawn:
        """The passage, with its gold figure marked."""
        rng = self.rng
        metric = draw(rng)
        if rng.random() < UNANSWERABLE:
            return self._silent(metric)
        if rng.random() < 0.07 and metric.name not in GUIDED:
            return self._table(metric)
        foreign = rng.random() < 0.08  # the owner's document tells another company's figure
        if foreign:
            self.asked = self.other
        sentence, asked, gold, amount, template, words = self._fact(metric, by_name=foreign)
        if foreign:
            sentence = self._named(sentence)
        company = self.owner if foreign else self.other
        extra = self._distractors(metric, asked_for=company if rng.random() < 0.12 else None)
        return Drawn(self._join(sentence, extra), words, asked, gold, amount, template)

    # --- what is asked ----------------------------------------------------------------------------

    def _fact(
        self, metric: Metric, *, by_name: bool = False
    ) -> tuple[str, int | None, int, float, str, str]:
        """A sentence with its gold figure marked, the asked and the gold year, the amount."""
        rng = self.rng
        guided = metric.name in GUIDED
        grammar = self._grammar(metric)
        year, earlier = (self.about + 1, self.about) if guided else (self.about, self.about - 1)
        beside = self._beside(metric) if grammar is JOINT else None
        now, then = self._value(metric), self._value(beside or metric)
        high = self._value(metric, near=now[1])
        words = rng.choice(metric.questions)
        pick = "v"
        text, template = self._sentence(
            grammar, metric, now, then, high, year, earlier, by_name, "v", beside
        )
        if grammar is PAIR and rng.random() < 0.4:
            pick = "w"
        elif grammar is TRIPLE and rng.random() < 0.66:
            pick = rng.choice("wh")
        elif grammar is not TRIPLE and "\3" in text and rng.random() < 0.4:
            pick, words = "h", rng.choice(("high end of {}", "upper end of {}")).format(words)
        text = self._marked(text, pick)
        gold = earlier if pick == "w" else year
        if grammar is TRIPLE and pick == "h":
            gold = earlier - 1
        amount = {"v": now[1], "w": then[1], "h": high[1]}[pick]
        asked: int | None = gold
        if gold == year and (self.dateless or rng.random() < 0.2):
            asked = None
        elif guided and rng.random() < 0.25:
            asked = self.about  # a plan told in that year
        return text, asked, gold, amount, template, words

    def _grammar(self, metric: Metric) -> Phrasing:
        own, dice = SPECIFIC.get(metric.name), self.rng.random()
        if self.dateless and metric.name not in GUIDED:
            return LEVEL
        if own is not None and not own.pool(self.fold):
            own = None
        if metric.name in GUIDED:
            if own is not None and dice < 0.45:
                return own
            return GUIDE if dice < 0.75 else RANGE
        if own is not None and dice < 0.45:
            return own
        return self.rng.choices((PAIR, LEVEL, TRIPLE, JOINT), (38, 36, 13, 13))[0]

    def _beside(self, metric: Metric) -> Metric:
        """Another measure of a past year, to stand in one sentence with this one."""
        while True:
            other = draw(self.rng, metric)
            if other.name not in GUIDED:
                return other

    def _sentence(
        self,
        grammar: Phrasing,
        metric: Metric,
        now: tuple[str, float],
        then: tuple[str, float],
        high: tuple[str, float],
        year: int,
        earlier: int,
        by_name: bool = False,
        mode: str = "",
        beside: Metric | None = None,
    ) -> tuple[str, str]:
        """A sentence and its template's id. With ``mode`` the values v, w and h stay marked.

        ``high`` is the upper end of a range, or the value of the third year of ``TRIPLE``;
        ``beside`` the other measure of ``JOINT``, whose value is ``then``.
        """
        rng = self.rng
        if grammar is JOINT and beside is None:
            beside = self._beside(metric)
            then = self._value(beside)
        subject, genitive = self._who(by_name)
        marks = {"v": f"\4v{now[0]}\2", "w": f"\4w{then[0]}\2", "h": f"\3\4h{high[0]}\2"}
        slots = marks if mode else {"v": now[0], "w": then[0], "h": high[0]}
        text, template = grammar.draw(
            rng,
            self.fold,
            m=rng.choice(metric.phrases),
            e=subject,
            g=genitive,
            p=f"\5{self._when(year)}\6",
            b=self._when(earlier, earlier=grammar is not TRIPLE),
            a=self._when(earlier - 1),
            o=rng.choice(beside.phrases) if beside else "",
            u=slots["h"],
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
            lambda m: f"{OPEN}{m[2]}{CLOSE}" if m[1] == pick else m[2],
            text,
        )

    # --- what is not told -------------------------------------------------------------------------

    def _silent(self, metric: Metric) -> Drawn:
        rng, dice = self.rng, self.rng.random()
        words = rng.choice(metric.questions)
        asked: int | None = self.about if rng.random() < 0.8 else None
        if (
            dice < 0.4 or metric.name in GUIDED
        ):  # another metric, of the same kind where there is one
            twin = TWINS.get(metric.name)
            rival = named(twin) if twin and rng.random() < 0.6 else draw(rng, metric)
            sentence, _, _, _, template, _ = self._fact(rival)
            if metric.name in GUIDED:
                asked = self.about + rng.randint(0, 1)
        elif dice < 0.55 and metric.name in TWINS.values():  # only the plan is told
            plan = next(g for g, actual in TWINS.items() if actual == metric.name)
            sentence, _, _, _, template, _ = self._fact(named(plan))
            asked = self.about + 1
        elif dice < 0.8:  # another year
            sentence, _, _, _, template, _ = self._fact(metric)
            asked = self.about + rng.choice((-6, -5, -4, -3, -2, 2, 3))
        else:  # another company
            sentence, asked, _, _, template, _ = self._fact(metric)
            self.asked = self.other
        sentence = sentence.replace(OPEN, "").replace(CLOSE, "")
        extra = [] if dice >= 0.4 else self._distractors(metric, asked_for=None)
        return Drawn(self._join(sentence, extra), words, asked, None, None, template)

    # --- a table run together ---------------------------------------------------------------------

    def _table(self, metric: Metric) -> Drawn:
        rng = self.rng
        unit, scale = rng.choice((("millions", 1e6), ("thousands", 1e3)))
        money = metric.kind == "money"
        rows = [metric] if money else []
        while len(rows) < 3:
            other = draw(rng, *rows, metric)
            if other.kind == "money" and other.name not in GUIDED:
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
                    shown, amount = f"{OPEN}{shown}{CLOSE}", value * scale
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

    # --- around it --------------------------------------------------------------------------------

    def _distractors(self, metric: Metric, asked_for: str | None) -> list[str]:
        rng = self.rng
        if self.dateless:
            return [self._plain(LEVEL, self._beside(metric), self.about)] * rng.randint(0, 1)
        extra: list[str] = []
        for _ in range(rng.choices((0, 1, 2, 3, 4), (28, 32, 20, 12, 8))[0]):
            other = draw(rng, metric)
            grammar = self._grammar(other)
            year = self.about + 1 if other.name in GUIDED else self.about
            extra.append(self._plain(grammar, other, year))
        twin = next((g for g, actual in TWINS.items() if actual == metric.name), None)
        if twin and rng.random() < 0.25:
            extra.append(self._plain(GUIDE, named(twin), self.about + 1))
        if metric.name in TWINS and rng.random() < 0.4:
            extra.append(self._plain(LEVEL, named(TWINS[metric.name]), self.about))
        if asked_for is not None:
            keep, self.asked = self.asked, asked_for
            extra.append(self._named(self._plain(LEVEL, metric, self.about, by_name=True)))
            self.asked = keep
        for _ in range(rng.choices((0, 1, 2), (45, 40, 15))[0]):
            extra.append(self._plain(NOISE, metric, self.about))
        return extra

    def _plain(self, grammar: Phrasing, metric: Metric, year: int, *, by_name: bool = False) -> str:
        if not grammar.pool(self.fold):
            return ""
        values = self._value(metric), self._value(metric)
        high = self._value(metric, near=values[0][1])
        return self._sentence(grammar, metric, *values, high, year, year - 1, by_name)[0]

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
            return " . ".join(spaced(part) for part in parts) + " ."
        text = ". ".join(capital(unspaced(part)) for part in parts) + "."
        return text

    # --- words ------------------------------------------------------------------------------------

    def _who(self, by_name: bool) -> tuple[str, str]:
        name = self.asked
        if by_name or self.pronoun == "name" or self.asked != self.owner:
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
        if year == self.about and (
            self.dateless or rng.random() < 0.28
        ):  # reports rarely say which year they are about
            text, undated = DATED.subn(lambda m: self._undated(m[1]), text)
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
            return percent(rng, amount)
        if metric.kind == "count":
            return count(rng, amount)
        if metric.kind == "price":
            return price(rng, amount, self.sign)
        return money(rng, amount, self.sign)
