"""A question in words with its meaning beside it: what every generator of examples makes."""

from __future__ import annotations

from dataclasses import dataclass

from specialists.planning.clauses import Clause


@dataclass(frozen=True)
class Asked:
    """A question, or a part of one, with its meaning."""

    text: str
    clauses: tuple[Clause, ...]
    template: str
    company: str
