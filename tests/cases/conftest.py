"""A small library of cases written by hand, with the fits that any library has."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from specialists.cases import shelf
from specialists.cases.case import Case

ASKED: dict[str, tuple[str, tuple[str, ...]]] = {
    "get m1 e1 p1": (
        "m e p",
        (
            "what was the {m} of {e} in {p} ?",
            "what is the {m} of {e} in {p} ?",
            "{m} of {e} for {p}",
            "tell me the {m} of {e} in {p}",
            "how much {m} did {e} have in {p} ?",
        ),
    ),
    "growth m1 e1 p1": (
        "m e s",
        (
            "how fast did the {m} of {e} grow {s} ?",
            "growth of {m} of {e} {s}",
            "by what percentage did {m} of {e} rise {s} ?",
            "what was the growth in {m} of {e} {s} ?",
            "percentage growth of {m} at {e} {s}",
        ),
    ),
    "press e1": (
        "e",
        (
            "what is the tone of the news about {e} ?",
            "how is the press about {e} ?",
            "are the headlines on {e} good ?",
            "what does the press say about {e} ?",
            "tone of the coverage of {e}",
        ),
    ),
    "top m1 p1": (
        "m p",
        (
            "which company had the most {m} in {p} ?",
            "who had the highest {m} in {p} ?",
            "which firm led by {m} in {p} ?",
            "top company by {m} in {p}",
            "who was first in {m} in {p} ?",
        ),
    ),
    "diff m1 e2 e1 p1": (
        "m e e p",
        (
            "by how much did {m} of {e} fall short of that of {f} in {p} ?",
            "how far behind in {m} was {e} against {f} in {p} ?",
            "how much less {m} did {e} have than {f} in {p} ?",
        ),
    ),
    "get m1 e1 p1 ; press e1": (
        "m e p",
        (
            "what was the {m} of {e} in {p} and how is the press about it ?",
            "{m} of {e} in {p} ; also what does the press say about it ?",
            "tell me the {m} of {e} in {p} , and how are the headlines ?",
        ),
    ),
    "none": ("e", ("will {e} be bought ?", "should i buy {e} ?", "forecast the price of {e}")),
}
WORDS = {"e": "Alpha Corp", "f": "Beta Inc", "p": "2018", "s": "from 2018 to 2019"}


@pytest.fixture(scope="session")
def handmade() -> list[Case]:
    """Each way to ask, plain, politely, and with another measure."""
    made: list[Case] = []
    for plan, (signature, texts) in ASKED.items():
        for text, measure, lead in product(texts, ("revenue", "gross margin"), ("", "please , ")):
            said = lead + text.format(m=measure, **WORDS)
            made.append(Case(question=said, signature=signature, plan=plan))
    return list(dict.fromkeys(made))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, handmade: list[Case]) -> Path:
    """A library without sentence vectors."""
    folder = tmp_path_factory.mktemp("library")
    shelf.write(folder, handmade, None, 0, 0)
    return folder
