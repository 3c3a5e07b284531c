"""Generated headlines with their labels. Public data come from ``loaders.py``."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Literal

from specialists.phrasing import Phrasing
from specialists.sentiment.check import Label, SentimentAnswer
from specialists.sentiment.frames import MIXED, NEGATIVE, NEUTRAL, POSITIVE, STANDING
from specialists.sentiment.render import SentimentInputs
from specialists.task import Example, Fold
from specialists.workspace.names import company_names

if TYPE_CHECKING:
    from specialists.sentiment.task import SentimentTask

SHARES: tuple[tuple[str, int], ...] = (
    ("positive", 22),
    ("negative", 22),
    ("neutral", 22),
    ("mixed", 20),
    ("standing", 8),
    ("voice", 6),
)
"""How often each way is drawn, in percent. A mixed headline is asked about either company. In
``standing`` and ``voice`` the company asked about is a bystander or the broker who speaks.
"""

_FIRST = ("Anil", "Maria", "John", "Wei", "Fatima", "Lars", "Priya", "Carlos", "Emma", "Omar")
_LAST = ("Mehta", "Garcia", "Smith", "Chen", "Khan", "Berg", "Shah", "Silva", "Brown", "Novak")
_BROKERS = ("Citi", "UBS", "CLSA", "Nomura", "Jefferies", "Barclays", "Kotak", "HSBC", "Stifel")
_HOUSES = ("Securities", "Capital", "Research", "Broking", "Advisors", "Asset Management", "")
_PERIODS = (
    *("Q1", "Q2", "Q3", "Q4", "H1", "FY22", "FY19", "2021", "2023", "Q3FY14"),
    *("first-quarter", "third-quarter", "full-year", "June quarter"),
)


def generate(
    task: SentimentTask, fold: Fold, count: int, seed: int
) -> Iterator[Example[SentimentInputs, SentimentAnswer]]:
    """``count`` examples of a fold, the same for the same seed."""
    rng = random.Random(f"sentiment/{fold}/{seed}")
    names = _names("train" if fold in ("train", "dev") else "heldout")
    kinds, weights = zip(*SHARES, strict=True)
    for number in range(count):
        target, other, third = rng.sample(names, 3)
        kind = rng.choices(kinds, weights)[0]
        inputs, label, template = _headline(rng, fold, kind, target, other, third)
        answer = SentimentAnswer(sentiment=label)
        yield Example(
            id=f"sentiment/{fold}/{seed}/{number}",
            inputs=inputs,
            answer=answer,
            dialogue=task.solved(inputs, answer),
            fold=fold,
            company=target,
            template=template,
        )


def _headline(
    rng: random.Random, fold: Fold, kind: str, target: str, other: str, third: str
) -> tuple[SentimentInputs, Label, str]:
    if kind in ("standing", "voice"):
        return _aside(rng, fold, kind, target, other, third)
    grammar, label, asked, rival = _roles(rng, kind, target, other)
    x, y = (asked, rival) if kind != "mixed" or label == "positive" else (rival, asked)
    text, template = grammar.draw(
        rng, fold, x=x, y=y, z=third, n="\0n", k="\0k", q="\0q", who="\0w", person="\0p"
    )
    text = _figures(rng, text)
    if rng.random() < 0.1 and kind != "mixed":
        text = _in_passing(rng, text, third)
    text = text[:1].upper() + text[1:]
    alone = kind != "mixed" and rng.random() < 0.04  # judged as a whole, the name left in words
    inputs = SentimentInputs(
        text=text,
        entity="" if alone else asked,
        others=() if alone else tuple(n for n in (rival, third) if n in text),
    )
    return inputs, label, template


def _aside(
    rng: random.Random, fold: Fold, kind: str, target: str, other: str, third: str
) -> tuple[SentimentInputs, Label, str]:
    """A headline in which something happens to another company than the one asked about."""
    fate = rng.choice(("positive", "negative"))
    grammar = STANDING[fate] if kind == "standing" else _POLAR[fate][0]
    person = _person(rng)
    voice = rng.choice((target, f"{person}, {target}", f"{person} of {target}"))
    subject = {"x": target, "y": other} if kind == "standing" else {"x": other, "y": third}
    who = "\0w" if kind == "standing" else voice
    text, template = grammar.draw(
        rng, fold, **subject, z=third, n="\0n", k="\0k", q="\0q", who=who, person="\0p"
    )
    text = _figures(rng, text)
    if target not in text:
        text = rng.choice((f"{text} : {voice}", f"{text}, says {voice}", f"{voice} : {text}"))
    text = text[:1].upper() + text[1:]
    others = tuple(n for n in (other, third) if n in text)
    return SentimentInputs(text=text, entity=target, others=others), "neutral", template


def _roles(
    rng: random.Random, kind: str, target: str, other: str
) -> tuple[Phrasing, Label, str, str]:
    if kind == "mixed":
        return MIXED, rng.choice(("positive", "negative")), target, other
    grammar, label = _POLAR[kind]
    return grammar, label, target, other


_POLAR: dict[str, tuple[Phrasing, Label]] = {
    "positive": (POSITIVE, "positive"),
    "negative": (NEGATIVE, "negative"),
    "neutral": (NEUTRAL, "neutral"),
}


def _figures(rng: random.Random, text: str) -> str:
    """Fill every ``$n`` on its own: two figures of one headline are rarely the same."""
    makers = {"n": _amount, "k": _count, "q": _period, "w": _voice, "p": _person}
    parts = text.split("\0")
    return parts[0] + "".join(makers[part[0]](rng) + part[1:] for part in parts[1:])


def _amount(rng: random.Random) -> str:
    value = rng.choice((rng.uniform(0.1, 20), rng.uniform(1, 99), rng.uniform(100, 9000)))
    digits = rng.choice((0, 0, 1, 2))
    figure = f"{value:,.{digits}f}" if value >= 1 else f"{value:.2f}"
    form = rng.choices(
        (
            "{}%",
            "{} %",
            "{} per cent",
            "{} pc",
            "${} million",
            "${}",
            "Rs {} crore",
            "Rs {} cr",
            "€{} million",
            "${}bn",
            "{} bps",
            "{}",
        ),
        (8, 1, 3, 2, 4, 2, 3, 3, 1, 2, 1, 1),
    )[0]
    return form.format(figure)


def _count(rng: random.Random) -> str:
    return str(rng.choice((2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25)))


def _period(rng: random.Random) -> str:
    return rng.choice(_PERIODS)


def _voice(rng: random.Random) -> str:
    house = f"{rng.choice(_BROKERS)} {rng.choice(_HOUSES)}".strip()
    person = _person(rng)
    return rng.choice(
        (house, person, f"{person}, {house}", "analysts", "brokerages", "experts", house)
    )


def _person(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"


def _in_passing(rng: random.Random, text: str, third: str) -> str:
    """Another company stands by, with no part in it."""
    after = (
        f"{text}, says {third}",
        f"{text} : {third}",
        f"{text} ; {third} flat",
        f"{text} ; {third} to report next week",
    )
    return rng.choice(after)


@cache
def _names(split: Literal["train", "heldout"]) -> list[str]:
    return company_names(split, 400, 7)
