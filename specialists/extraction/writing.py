"""How figures and sentences of generated passages are written: as typed, or as corpora tokenise."""

from __future__ import annotations

import random
import re

from specialists.workspace.masking import plain

OPEN, CLOSE = "\1", "\2"
"""Stand around the gold figure until the passage is whole."""
SIGNS = {"$": 80, "€": 8, "£": 6, "USD ": 2, "C$": 2, "CHF ": 1, "¥": 1}
"""Currencies and how often a passage is in them, in percent."""

_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"


def percent(rng: random.Random, amount: float) -> tuple[str, float]:
    """A percentage near ``amount``, and what it is."""
    digits = rng.choice((0, 1, 1, 1, 2)) if amount >= 1 else 1
    value = max(round(amount, digits), 0.1)
    form = rng.choices(("{}%", "{} %", "{} percent", "{} per cent"), (60, 15, 20, 5))[0]
    return form.format(f"{value:.{digits}f}"), value


def count(rng: random.Random, amount: float) -> tuple[str, float]:
    """A whole number near ``amount``, never to be read as a year, and what it is."""
    whole = max(3, round(amount))
    if whole >= 1e6 and rng.random() < 0.7:
        value = round(whole / 1e6, rng.choice((1, 2)))
        return f"{value:g} million", value * 1e6
    if whole >= 1000 and rng.random() < 0.5:
        whole = round(whole, -2)
    if 1900 <= whole <= 2099:
        whole = 2100 + whole % 100
    return (f"{whole:,}" if rng.random() < 0.9 else f"{whole}"), float(whole)


def price(rng: random.Random, amount: float, sign: str) -> tuple[str, float]:
    """An amount a share, and what it is."""
    value = max(round(amount, 2), 0.01)
    return f"{sign}{value:.2f}", value


def money(rng: random.Random, amount: float, sign: str) -> tuple[str, float]:
    """Money near ``amount``, and what it is worth."""
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


DATED = re.compile(
    r"\b(in|for|during|as of the end of|as of|by the end of|at the end of|at the close of|at) "
    "\5[^\6]*\6(?! and| ,? ?respectively)"
)
_PLACES = re.compile(f"([{OPEN}{CLOSE}])")


def spaced(text: str) -> str:
    """Tokenised as 10-K corpora are: lower case, punctuation apart; the marks stay."""
    return (
        " ".join(
            part if part in (OPEN, CLOSE) else plain(part)
            for part in _PLACES.split(text)
            if part.strip()
        )
        .replace(f"{OPEN} ", OPEN)
        .replace(f" {CLOSE}", CLOSE)
    )


def unspaced(text: str) -> str:
    """As written: no space before a comma, none inside parentheses."""
    text = re.sub(r" ([,;:!?)])", r"\1", text).replace("( ", "(").replace(" 's", "'s")
    text = re.sub(
        rf"\b({_MONTHS})(?= \d)",
        lambda m: m[1].capitalize(),
        text,
    )
    return re.sub(r"  +", " ", text)


def capital(text: str) -> str:
    """The first letter of a sentence in upper case."""
    return text[:1].upper() + text[1:] if text[:1] != OPEN else text
