"""Linked questions with natural stand-ins: ``growth of revenue of Alpha Corp from 2019 to 2021``.

Whatever a handle stands for, its place is taken by an ordinary phrase of its kind, so that
questions which ask the same of different things read the same. A sentence encoder reads such a text
far better than one of symbols. The stand-ins say nothing about any workspace.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from specialists.foundation.contracts import Quantity
from specialists.workspace.catalogue import Period
from specialists.workspace.handles import PATTERN, Handles
from specialists.workspace.links import RowKey

SlotKind = Literal["m", "e", "r", "p", "s", "n"]
"""m measure · e company · r row · p a year · s a span of years · n number"""

COMPANIES = (
    *("Alpha Corp", "Beta Inc", "Gamma Ltd", "Delta Group", "Epsilon Holdings", "Zeta Partners"),
    *("Eta Industries", "Theta Systems", "Iota Energy", "Kappa Foods", "Lambda Bank", "Sigma Labs"),
)
MEASURES = (
    *("revenue", "net income", "total assets", "operating expenses", "gross profit", "inventory"),
    *("total liabilities", "capital expenditure", "cash", "long-term debt", "equity", "goodwill"),
)
MADE = {
    "share": ("gross margin", "net margin", "operating margin"),
    "over": ("current ratio", "debt to equity ratio", "asset turnover"),
    "plus": ("total debt", "total costs", "total funding"),
    "less": ("working capital", "free cash flow", "net debt"),
}
"""Of a measure made of two others, by its form."""
GROUPS = ("Cloud", "Retail", "Energy", "Mobile", "Media", "Health")
PLAIN_ROWS = ("North America", "Europe", "Asia", "services", "products", "licences")
FIRST_YEAR = 2018

_FORMS = {"as a share of": "share", "divided by": "over", "plus": "plus", "minus": "less"}
_MADE = re.compile(
    r"\( (<[cd]\d+>|\x02\d+\x03) (as a share of|divided by|plus|minus) (<[cd]\d+>|\x02\d+\x03) \)"
)
_PLACE = re.compile(rf"{PATTERN.pattern}|\x02(\d+)\x03")


@dataclass(frozen=True)
class Slot:
    """One thing a question names."""

    kind: SlotKind
    written: str
    """As a plan writes it: a handle, or a form and its measures: ``share <c1> <c2>``."""
    standin: str


@dataclass(frozen=True)
class Masked:
    """A question without names and numbers."""

    text: str
    """With stand-ins, spaced as the linker spaces it."""
    slots: tuple[Slot, ...]
    """What it names, each once, in the order of first mention."""

    @property
    def signature(self) -> str:
        """The kinds of its slots in order: ``m e p p``."""
        return " ".join(slot.kind for slot in self.slots)


def masked(text: str, handles: Handles) -> Masked:
    """A linked text (``Linked.text``) with a stand-in for each handle.

    A measure that the linker told by its parts, ``( <c1> as a share of <c2> )``, is one slot.
    """
    made: list[tuple[str, str]] = []

    def fold(match: re.Match[str]) -> str:
        form = _FORMS[match[2]]
        made.append((form, f"{form} {_written(match[1], made)} {_written(match[3], made)}"))
        return f"\x02{len(made) - 1}\x03"

    folded = None
    while folded != text:
        folded, text = text, _MADE.sub(fold, text)
    years = _years(text, handles)
    slots: dict[str, Slot] = {}
    used: dict[str, int] = {}

    def stand(match: re.Match[str]) -> str:
        written = _written(match[0], made)
        known = slots.get(written)
        if known is None:
            if match[0].startswith("\x02"):
                form = made[int(match[0][1:-1])][0]
                known = Slot("m", written, _next(MADE[form], form, used))
            elif match[0] in handles:
                known = _slot(match[0], handles.resolve(match[0]).value, years, used)
            else:
                return match[0]
            if known is None:
                return match[0]
            slots[written] = known
        return known.standin

    spoken = _PLACE.sub(stand, text)
    return Masked(spoken, tuple(slots.values()))


def _written(place: str, made: list[tuple[str, str]]) -> str:
    return made[int(place[1:-1])][1] if place.startswith("\x02") else place


def _slot(handle: str, value: Any, years: dict[int, int], used: dict[str, int]) -> Slot | None:
    kind = handle[1]
    if kind in "cd":
        return Slot("m", handle, _next(MEASURES, "m", used))
    if kind == "e":
        return Slot("e", handle, _next(COMPANIES, "e", used))
    if kind == "r":
        return Slot("r", handle, _row(value, used))
    if kind == "p" and isinstance(value, Period):
        first = str(years[value.first])
        if value.first == value.last:
            return Slot("p", handle, first)
        return Slot("s", handle, f"from {first} to {years[value.last]}")
    if kind == "n":
        return Slot("n", handle, _number(value))
    return None


def _row(value: Any, used: dict[str, int]) -> str:
    column = value.column if isinstance(value, RowKey) else ""
    for noun in ("segment", "sector", "industry", "division"):
        if noun in column:
            return f"{_next(GROUPS, 'g', used)} {noun}"
    return _next(PLAIN_ROWS, "r", used)


def _number(value: Any) -> str:
    unit = value.unit if isinstance(value, Quantity) else ""
    if unit == "%":
        return "10 %"
    return "3" if unit in {"", "count"} else "$ 500 million"


def _next(names: tuple[str, ...], kind: str, used: dict[str, int]) -> str:
    place = used.get(kind, 0)
    used[kind] = place + 1
    return names[place] if place < len(names) else f"{names[0]} {place + 1}"


def _years(text: str, handles: Handles) -> dict[int, int]:
    """The years a text names, each with the year that stands for it, in order of time."""
    found: set[int] = set()
    for match in PATTERN.finditer(text):
        value = handles.resolve(match[0]).value if match[0] in handles else None
        if isinstance(value, Period):
            found |= {value.first, value.last}
    return {year: FIRST_YEAR + place for place, year in enumerate(sorted(found))}
