"""The first lessons of the base: handles found by place and copied, before any finance is asked.

Copying emerges late in small models, and all five jobs stand on it. These exercises are short, hold
nothing else, and use the jobs' own reply formats. They are no job: nothing of them is served.

- *after*: the handle that follows a word or another handle;
- *held*: the number in the line that names a measure, a company and a year;
- *order*: handles said again, the fillers between them left out;
- *steps*: numbers found by their lines, put into a program.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

from specialists.foundation.contracts import Message
from specialists.workspace.handles import Handles
from specialists.workspace.lexicon import lexicon

NAME = "copying"

Exercise = tuple[str, str]
"""What is shown, and the reply."""


def dialogues(count: int, seed: int) -> Iterator[tuple[Message, ...]]:
    """Exercises, all kinds taking turns; deterministic in the seed."""
    rng = random.Random(f"copying/{seed}")
    words = sorted(w for w in lexicon().common if w.isalpha() and 2 < len(w) < 9)
    kinds: tuple[Callable[[random.Random, list[str]], Exercise], ...] = (
        _after,
        _held,
        _order,
        _steps,
    )
    for index in range(count):
        shown, reply = kinds[index % len(kinds)](rng, words)
        yield (
            Message(role="system", content=NAME),
            Message(role="user", content=shown),
            Message(role="assistant", content=reply),
        )


def _handle(handles: Handles, kind: str) -> str:
    """A fresh handle; what it stands for does not matter here."""
    key = str(sum(1 for _ in handles.items()))
    return handles.bind(kind, key, key)  # type: ignore[arg-type]


def _after(rng: random.Random, words: list[str]) -> Exercise:
    handles = Handles(rng)
    keys = words if rng.random() < 0.5 else [f"<{rng.choice('cer')}{i}>" for i in range(1, 13)]
    chosen = rng.sample(keys, rng.randint(2, 7))
    follows = {w: _handle(handles, rng.choice("nptvdt")) for w in chosen}
    asked = rng.choice(chosen)
    shown = " ".join(f"{w} {h}" for w, h in follows.items())
    return f"{shown} ; {asked} ?", json.dumps({"value": follows[asked]})


def _lines(rng: random.Random, handles: Handles) -> dict[tuple[str, str, str], str]:
    """Some numbers by measure, company and year, several of which they share."""
    measures = [_handle(handles, "c") for _ in range(rng.randint(1, 3))]
    companies = [_handle(handles, "e") for _ in range(rng.randint(1, 2))]
    count = rng.randint(1, 3)
    handles.ascend("p", count)
    years = [_handle(handles, "p") for _ in range(count)]
    keys = [(c, e, p) for c in measures for e in companies for p in years]
    rng.shuffle(keys)
    return {key: _handle(handles, "n") for key in keys[: rng.randint(2, 6)]}


def _written(lines: dict[tuple[str, str, str], str]) -> str:
    return "\n".join(f"{' '.join(key)} {number}" for key, number in lines.items())


def _held(rng: random.Random, words: list[str]) -> Exercise:
    lines = _lines(rng, Handles(rng))
    asked = rng.choice(list(lines))
    shown = f"{rng.choice(words)} {' '.join(rng.sample(asked, 3))} ?\n{_written(lines)}"
    return shown, json.dumps({"value": lines[asked]})


def _order(rng: random.Random, words: list[str]) -> Exercise:
    handles = Handles(rng)
    said = [_handle(handles, rng.choice("ceprd")) for _ in range(rng.randint(1, 5))]
    shown: list[str] = []
    for handle in said:
        shown += [*rng.choices(words, k=rng.randint(0, 3)), handle]
    return " ".join([*shown, "?"]), f"get {' '.join(said)}"


def _steps(rng: random.Random, words: list[str]) -> Exercise:
    lines = _lines(rng, Handles(rng))
    pair = rng.sample(list(lines), min(2, len(lines)))
    name = rng.choice(("growth", "subtract", "divide", "add"))
    asked = " and ".join(" ".join(key) for key in pair)
    numbers = ", ".join(lines[key] for key in pair)
    shown = f"{name} {rng.choice(words)} {asked} ?\n{_written(lines)}"
    return shown, json.dumps({"program": f"{name}({numbers})"})
