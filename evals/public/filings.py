"""FinanceBench: questions on annual reports, with the pages that answer them.

Gold is a figure or a few sentences. A figure is judged by its amount; sentences need a judge, a
model or a person, and are told apart here (``figure`` is None), never judged by their words.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evals.public import origin
from evals.public.catalogue import published
from evals.public.rows import Row
from specialists.foundation.contracts import Quantity, Value
from specialists.workspace.numbers import scan

NAME = "financebench"
SHORT = 40
"""Characters of a gold answer that is a figure; longer ones explain."""
RELATIVE = 0.005
"""That a figure may be off; gold is rounded by hand."""


class Filing(Value):
    """A question with the pages it is asked on."""

    id: str
    company: str
    document: str
    question: str
    answer: str
    pages: tuple[str, ...]
    """Text of the pages that hold the evidence."""
    figure: Quantity | None
    """Gold, where it is one figure."""
    kind: str = ""
    """FinanceBench's own: metrics-generated, domain-relevant or novel-generated."""


def filings(source: str | Path | None = None, data: Path | None = None) -> Iterator[Filing]:
    """The questions, in their order.

    Args:
        source: see ``origin.read``.

    Raises:
        InputError: the rows are not what they must be; names file, line and field.
    """
    for row in origin.read(published(NAME), source, data):
        answer = row.text("answer")
        yield Filing(
            id=row.text("financebench_id"),
            company=row.text("company"),
            document=str(row.values.get("doc_name", "")),
            question=row.text("question"),
            answer=answer,
            pages=tuple(dict.fromkeys(_pages(row))),
            figure=figure(answer),
            kind=str(row.values.get("question_type", "")),
        )


def _pages(row: Row) -> Iterator[str]:
    for place, each in enumerate(row.items("evidence"), 1):
        if not isinstance(each, dict):
            raise row.wrong(f"evidence[{place}]", "an object", each)
        yield Row(each, row.where).text("evidence_text_full_page|evidence_text")


def figure(answer: str) -> Quantity | None:
    """The one figure that a short answer is; None for words, and for several figures."""
    if len(answer) > SHORT:
        return None
    found = [number for number in scan(f" {answer} ") if not number.is_year]
    return found[0].quantity if len(found) == 1 else None


def right(filing: Filing, said: str) -> bool | None:
    """Whether an answer gives gold's figure; None where gold is none.

    An answer without a figure, or with several, is wrong.
    """
    if filing.figure is None:
        return None
    found = [n.quantity for n in scan(f" {said} ") if not n.is_year]
    if len(found) != 1:
        return False
    gold = filing.figure
    return any(abs(a - gold.amount) <= _slack(gold) for a in _amounts(found[0], gold))


def _amounts(said: Quantity, gold: Quantity) -> tuple[float, ...]:
    """Its amount; where gold names no scale, its bare number too, since the question named it."""
    return (said.amount,) if gold.scale != 1.0 else (said.amount, said.value)


def _slack(gold: Quantity) -> float:
    decimals = len(f"{gold.value:.12g}".partition(".")[2])
    rounding = 0.5 * 10.0**-decimals * gold.scale if decimals else 0.0
    return max(RELATIVE * abs(gold.amount), rounding, 1e-9)
