"""Planners without a model, for the sealed run's control arms: rules, and the linker alone.

Both read the question as the linker leaves it and write the compact language; the steps they ask
for are done by the real specialists. They are planners one could write in an hour, no straw men:
the linker does for them what it does for the model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    ToolSpec,
    Usage,
)
from specialists.planning.clauses import NONE
from specialists.planning.render import PlanningInputs, compact
from specialists.planning.task import PlanningTask, read_compact
from specialists.task import Form, SingleReply, system
from specialists.workspace.handles import PATTERN, Handles

Write = Callable[[str], str]
"""From a linked question to a compact plan."""


class BarePlanning(PlanningTask):
    """The planning job with the linked question alone as its prompt, and any text as its reply."""

    def begin(
        self, inputs: PlanningInputs, *, form: Form = "compact", seed: int | None = None
    ) -> SingleReply:
        text, linked = compact(inputs, Handles())
        messages = [system(self.name, self.instructions, form), Message(role="user", content=text)]
        return SingleReply(messages, {}, lambda reply: read_compact(reply, inputs, linked))


class WritingEngine:
    """An engine whose replies a function writes."""

    def __init__(self, model: str, write: Write) -> None:
        self.model = model
        self._write = write

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Completion:
        """What the function makes of the last message."""
        return Completion(
            message=Message(role="assistant", content=self._write(messages[-1].content)),
            finish_reason="stop",
            usage=Usage(calls=1),
            model=self.model,
        )

    async def aclose(self) -> None:
        """There is nothing to release."""


def first_linked(text: str) -> str:
    """Look up the first measure of the first company in the first period; nothing else."""
    found = _handles(text)
    if not found["m"]:
        return NONE
    return " ".join(["get", found["m"][0], *found["e"][:1], *found["p"][:1]])


_RULES: tuple[tuple[str, str], ...] = (
    ("cagr", r"\bcagr\b|compound|annuali[sz]ed|per year on average"),
    ("growth", r"\bgrow|\bgrew|\bgrowth|\byoy\b|year over year|year on year|percent(age)? change"),
    ("growth", r"(percent|%).*\b(increase|decrease|rise|rose|fall|fell|change)"),
    ("change", r"\bchange|\bincrease|\bdecrease|\brise\b|\brose\b|\bdecline|\bdrop|\bfell\b"),
    ("mean", r"\baverage|\bmean\b"),
    ("sum", r"\btotal of\b|\bsum\b|altogether|cumulative|combined|add up|in all\b"),
)
_MOST = r"\b(highest|largest|most|biggest|best|top|greatest|peak|maximum)\b"
_LEAST = r"\b(lowest|smallest|least|worst|weakest|minimum|fewest)\b"
_YEAR = r"\b(what|which|in which) (fiscal |financial )?year\b|^when\b"
_AGAINST = r"\b(than|versus|vs|exceed|exceeds|gap|difference|compared|against|minus)\b"
_ABOVE = r"\b(above|over|more than|at least|exceeding|greater than|higher than)\b"
_BELOW = r"\b(below|under|less than|at most|fewer than|lower than|smaller than)\b"
_COUNTED = r"\b(how many|count|number of)\b"
_ASKED = r"^(did|does|do|is|was|were|has|have|are)\b"
_PRESS = r"\b(press|news|headline|headlines|tone|sentiment|mood|coverage|papers|newspapers)\b"
_PART = r"\b(share|part|portion|percent|percentage|proportion|slice|fraction|%)\b"


def by_rules(text: str) -> str:
    """The operation by keywords, everything the linker found in the places it can take."""
    found = _handles(text)
    companies, periods, rows = found["e"], found["p"], found["r"]
    if re.search(_PRESS, text) and companies and not found["m"]:
        return " ".join(["press", *companies[:4], *periods])
    if not found["m"] or re.search(r"\bunknown\b", text):
        return NONE
    measures = _measured(text, found["m"])
    said = [*measures, *companies]
    above, below = re.search(_ABOVE, text), re.search(_BELOW, text)
    if re.search(_ASKED, text) and len(companies) in (1, 2):
        numbers = found["n"][:1] if len(companies) == 1 else []
        return " ".join(["fewer" if below else "more", *said, *rows, *periods, *numbers])
    if (above or below) and found["n"] and not companies:
        verb = "count" if re.search(_COUNTED, text) else "which"
        side = "above" if above else "below"
        return " ".join([verb, side, *measures, *rows, *periods, *found["n"][:1]])
    extreme = "most" if re.search(_MOST, text) else "least" if re.search(_LEAST, text) else ""
    if extreme and re.search(_YEAR, text) and len(companies) == 1:
        return " ".join(["peak" if extreme == "most" else "trough", *said, *rows, *periods])
    if extreme and len(companies) != 1:
        return " ".join(["top" if extreme == "most" else "bottom", *said, *rows, *periods])
    if rows and len(rows) == 1 and len(found["m"]) == 1 and re.search(_PART, text):
        return " ".join(["part", *said, *rows, *periods[:1]])
    if len(companies) == 2 and len(periods) < 2 and re.search(_AGAINST, text):
        return " ".join(["diff", *said, *rows, *periods])
    for verb, pattern in _RULES:
        if re.search(pattern, text):
            return " ".join([verb, *said, *rows, *periods])
    return " ".join(["get", *said, *rows, *periods])


_TWO = {
    "as a share of": "share",
    "divided by": "over",
    "plus": "plus",
    "minus": "less",
}


def _measured(text: str, measures: Sequence[str]) -> list[str]:
    """The measures; two that the linker joined to a ratio as the form they make."""
    for words, form in _TWO.items():
        joined = re.search(rf"\( (<[cd]\d+>) {words} (<[cd]\d+>) \)", text)
        if joined:
            return [form, joined[1], joined[2]]
    return list(measures)


def _handles(text: str) -> dict[str, list[str]]:
    """The text's handles by kind, each once, in order; columns and disclosures are measures."""
    found: dict[str, list[str]] = {kind: [] for kind in "meprn"}
    for match in PATTERN.finditer(text):
        kind = {"c": "m", "d": "m"}.get(match[0][1], match[0][1])
        if kind in found and match[0] not in found[kind]:
            found[kind].append(match[0])
    return found
