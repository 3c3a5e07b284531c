"""Short names for what a dialogue is about, so that a model never copies digits or spells names.

``net sales of <e1> in <p2>``: the linker puts handles in, the model writes handles, code takes
them out.
Each handle is one token of the embedded tokenizer. Handles live as long as one dialogue.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from specialists.foundation.errors import AnswerError

Kind = Literal["t", "c", "e", "r", "p", "n", "v", "d", "o"]
"""t table · c measure held by a table · e company · r other row key (line, segment, sector) ·
p period · n number · v text value · d measure told only by documents · o worked case"""

KINDS: tuple[Kind, ...] = get_args(Kind)
LIMIT: dict[Kind, int] = {
    "t": 24,
    "c": 24,
    "e": 12,
    "r": 24,
    "p": 12,
    "n": 64,
    "v": 24,
    "d": 12,
    "o": 8,
}
"""How many of a kind one dialogue can hold: the tokenizer has ``<t1>`` … ``<t24>``, and so on."""

PATTERN = re.compile(r"<([tcerpnvdo])(\d{1,2})>")


def vocabulary() -> list[str]:
    """Every handle there can be: the tokenizer's added tokens."""
    return [f"<{kind}{i}>" for kind in KINDS for i in range(1, LIMIT[kind] + 1)]


@dataclass(frozen=True)
class Target:
    """What a handle stands for. ``value``'s type depends on ``kind``; ``label`` is for people."""

    kind: Kind
    value: Any
    label: str


class Handles:
    """The handles of one dialogue. Numbered in order, or at random when training (``rng``)."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._targets: dict[str, Target] = {}
        self._names: dict[tuple[Kind, str], str] = {}
        self._free: dict[Kind, list[int]] = {}
        for kind in KINDS:
            numbers = list(range(1, LIMIT[kind] + 1))
            if rng is not None:
                rng.shuffle(numbers)
            self._free[kind] = numbers[::-1]

    def bind(self, kind: Kind, value: Any, label: str, key: str | None = None) -> str:
        """The handle for a target; the same ``key`` (default: the label) gives the same handle.

        Raises:
            AnswerError: the dialogue already holds as many of this kind as there are handles.
        """
        name = self._names.get((kind, key or label))
        if name is None:
            if not self._free[kind]:
                raise AnswerError(f"more than {LIMIT[kind]} handles of kind {kind}")
            name = f"<{kind}{self._free[kind].pop()}>"
            self._names[kind, key or label] = name
            self._targets[name] = Target(kind, value, label)
        return name

    def ascend(self, kind: Kind, count: int) -> None:
        """Give the next ``count`` targets of a kind ascending numbers: their order shows."""
        free = self._free[kind]
        start = max(0, len(free) - count)
        free[start:] = sorted(free[start:], reverse=True)

    def room(self, kind: Kind) -> int:
        """How many more of a kind can be bound."""
        return len(self._free[kind])

    def resolve(self, handle: str) -> Target:
        """What a handle stands for.

        Raises:
            AnswerError: no such handle in this dialogue.
        """
        try:
            return self._targets[handle]
        except KeyError:
            raise AnswerError(f"{handle} stands for nothing in this dialogue") from None

    def of(self, *kinds: Kind) -> list[str]:
        """All handles of these kinds, in the order they were bound."""
        return [name for name, target in self._targets.items() if target.kind in kinds]

    def __contains__(self, handle: str) -> bool:
        return handle in self._targets

    def items(self) -> Iterator[tuple[str, Target]]:
        return iter(self._targets.items())

    def spell(self, text: str) -> str:
        """The text with every handle replaced by its label, for people to read."""
        return PATTERN.sub(lambda m: self._targets[m[0]].label if m[0] in self else m[0], text)
