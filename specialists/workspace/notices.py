"""Plain headlines and filing paragraphs over random statements, for training with texts.

Kept apart from the demo workspace's wording on purpose: what is trained on is not what is shown.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date

from specialists.workspace.catalogue import Company, Document
from specialists.workspace.disclosures import Disclosure, disclose, spoken
from specialists.workspace.statements import Money, Row, Year

_FACTS: dict[str, tuple[str, ...]] = {
    "employees": ("The company had $x employees.", "Staff numbered $x at the end of $y."),
    "stores": ("It ran $x stores.", "The chain counted $x stores in $y."),
    "order backlog": ("Orders in hand came to $x.", "The order backlog was $x."),
    "customers": ("It served $x customers.", "Customers numbered $x."),
    "subscribers": ("Subscribers totalled $x.", "It had $x subscribers."),
    "restructuring charge": (
        "A restructuring charge of $x was taken.",
        "Costs of $x were booked to restructure operations.",
    ),
    "capital expenditure guidance": (
        "Capital expenditure of $x is planned for $t.",
        "The budget for capital spending in $t is $x.",
    ),
    "revenue guidance": ("Revenue of $x is expected in $t.", "For $t the plan is revenue of $x."),
    "patents": ("It held $x patents.", "The number of patents was $x."),
    "churn rate": ("The churn rate was $x.", "$x of subscribers left."),
    "effective tax rate": ("The effective tax rate was $x.", "Tax was charged at a rate of $x."),
    "litigation provision": (
        "A provision of $x covers litigation.",
        "It set aside $x for legal claims.",
    ),
}
_GOOD = ("$c raises sales in $y", "$c lifts margins", "Orders climb at $c", "$c wins contract")
_BAD = ("$c sales slip in $y", "Margins narrow at $c", "$c recalls product", "$c loses client")
_FLAT = ("$c names finance chief", "$c to hold annual meeting", "$c moves its offices")


def notices(
    rng: random.Random,
    firms: Sequence[Company],
    rows: Mapping[str, Sequence[Row]],
    money: Money,
) -> tuple[Document, ...]:
    """Three headlines and two paragraphs a company and year, in the order company, year."""
    made: list[Document] = []
    for firm in firms:
        years = years_of(firm.name, rows)
        told = disclose(rng, firm.sector, years, money)
        for year, facts in zip(years, told, strict=True):
            made += _documents(rng, firm, year.fiscal_year, facts)
    return tuple(made)


def years_of(company: str, rows: Mapping[str, Sequence[Row]]) -> list[Year]:
    """One company's rows gathered back into years, ascending."""

    def by_year(table: str) -> dict[int, Row]:
        return {int(r["fiscal_year"]): r for r in rows[table] if r["company"] == company}  # type: ignore[arg-type]

    income, balance, cash = map(by_year, ("income_statement", "balance_sheet", "cash_flow"))
    return [
        Year(y, _numbers(income[y]), _numbers(balance[y]), _numbers(cash[y]), ())
        for y in sorted(income)
    ]


def _numbers(row: Row) -> dict[str, float]:
    return {k: float(v) for k, v in row.items() if isinstance(v, int | float)}


def _documents(
    rng: random.Random, firm: Company, year: int, facts: Sequence[Disclosure]
) -> list[Document]:
    made: list[Document] = []
    for number, frames in enumerate((_GOOD, _BAD, _FLAT)):
        text = rng.choice(frames).replace("$c", firm.name).replace("$y", str(year))
        made.append(
            Document(
                id=f"{firm.ticker}-{year}-h{number}",
                title=text,
                kind="headline",
                company=firm.name,
                year=year,
                published=date(year, rng.randint(1, 12), rng.randint(1, 28)),
                text=text,
                source="generated",
            )
        )
    sentences = [_sentence(rng, fact) for fact in facts]
    rng.shuffle(sentences)
    half = len(sentences) // 2
    for number, part in enumerate((sentences[:half], sentences[half:])):
        made.append(
            Document(
                id=f"{firm.ticker}-{year}-f{number}",
                title=f"{firm.name} annual report {year}, part {number + 1}",
                kind="filing",
                company=firm.name,
                year=year,
                published=date(year + 1, 3, 1),
                text=f"{firm.name}, fiscal {year}. " + " ".join(part),
                source="generated",
            )
        )
    return made


def _sentence(rng: random.Random, fact: Disclosure) -> str:
    text = spoken(fact.value, fact.unit)
    if fact.high is not None:
        text = f"{text} to {spoken(fact.high, fact.unit)}"
    frame = rng.choice(_FACTS[fact.measure])
    return frame.replace("$x", text).replace("$y", str(fact.year)).replace("$t", str(fact.about))
