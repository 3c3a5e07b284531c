"""Operations that no verb names: measures with made-up names, told only by a worked case.

``what was acme 's vornet ratio in 2021`` can be planned by whoever points to the case that solved
the vornet ratio of another company, and by nobody else. So a planner learns to point where words
agree, not where it knows them.
"""

from __future__ import annotations

import random

from specialists.planning.asked import Asked
from specialists.planning.clauses import Clause, Form, Noun, Verb, made
from specialists.planning.frames import FRAMES
from specialists.planning.surfaces import Cast
from specialists.task import Fold

_STARTS = ("br", "v", "gl", "t", "k", "dr", "pl", "z", "m", "sk", "fr", "n", "st", "h", "qu", "w")
_MIDDLES = ("or", "es", "in", "a", "u", "el", "om", "ar", "i", "en", "ul", "ost", "ack", "ip")
_ENDS = ("na", "ka", "net", "do", "rix", "ly", "mer", "tis", "vo", "sen", "bit", "gan", "zel", "pa")
_HEADS = (
    *("ratio", "score", "cover", "margin", "index", "gap", "test", "measure", "quota", "number"),
    *("rate", "buffer", "factor", "balance", "charge", "spread", "yield", "multiple", "load"),
)
_KINDS = ("get", "get", "get", "growth", "change", "mean", "peak", "top", "rank", "max", "versus")
_FORMS: tuple[Form, ...] = ("share", "over", "plus", "less")


def name(rng: random.Random) -> str:
    """A made-up name of a measure."""
    word = rng.choice(_STARTS) + rng.choice(_MIDDLES) + rng.choice(_ENDS)
    return f"{word} {rng.choice(_HEADS)}" if rng.random() < 0.85 else word


def measure(rng: random.Random, cast: Cast) -> Noun:
    """What a made-up name could stand for: two or three measures in one."""
    several = [cast.plain(rng).nouns[0] for _ in range(3)]
    form = rng.choice(_FORMS)
    if rng.random() < 0.4:
        inner: Form = rng.choice(("plus", "less"))
        if rng.random() < 0.5:
            return made(form, made(inner, several[0], several[1]), several[2])
        return made(form, several[0], made(inner, several[1], several[2]))
    return made(form, several[0], several[1])


def ask(rng: random.Random, cast: Cast, fold: Fold, kind: str, called: str, noun: Noun) -> Asked:
    """A question of a kind about a measure that only a case explains."""
    company = rng.choice(cast.catalogue.companies)
    who = cast.call(rng, company)
    when = cast.between(rng) if kind in {"growth", "change"} else cast.year(rng)
    if kind in {"mean", "peak", "max"}:
        when = cast.span(rng)
    slots = {"e": who, "m": called, "at": when.at, "p": when.bare}
    periods = when.periods
    if kind == "versus":
        one, two = cast.pair(rng)
        slots |= {"p": one.bare, "q": two.bare}
        periods = (*one.periods, *two.periods)
    text, template = FRAMES[kind].draw(rng, fold, **slots)
    verb: Verb = "growth" if kind == "versus" else kind  # type: ignore[assignment]
    names = () if kind == "top" else (company.name,)
    clause = Clause(verb, noun.form, noun.parts, names, (), periods)
    return Asked(text, (clause,), template, company.name)


def kind(rng: random.Random) -> str:
    """A kind of question to ask of a made-up measure."""
    return rng.choice(_KINDS)
