"""What the demo workspace's newswires and annual reports say, worded as such texts are.

Numbers come from the statements and disclosures; this file knows wording. The wording is the demo's
alone: no training generator may borrow from it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date
from typing import Literal

from specialists.workspace.catalogue import Company, Document
from specialists.workspace.disclosures import Disclosure, Measure, spoken
from specialists.workspace.statements import Year

# In headlines: {c} company, {o} another company, {s} a segment, {y} the year.
_POSITIVE = (
    "{c} shares jump as {s} orders beat every forecast on the Street",
    "{c} lands ten-year supply deal, its largest ever",
    "Upgrade for {c}: broker sees {s} momentum lasting well past {y}",
    "{c} clears last regulatory hurdle for {s} expansion",
    "Record quarter at {c} as customers come back to {s}",
    "{c} boosts dividend and promises another buyback",
    "Moody's lifts {c} outlook to positive on falling leverage",
    "{c} pays off term loan two years early",
    "Strong {s} demand lets {c} raise prices without losing volume",
    "{c} swings ahead of rivals with best margin in a decade",
    "Investors cheer {c} plan to double {s} capacity",
    "{c} wins patent fight, removing a cloud over {s}",
)
_NEGATIVE = (
    "{c} slumps after warning on {s}",
    "{c} to shut two sites as {s} orders dry up",
    "Regulator opens probe into {c} billing practices",
    "{c} finance chief quits days before results",
    "Cyberattack halts {c} operations for a third day",
    "{c} misses estimates, blames freight costs and weak {s}",
    "Credit agency cuts {c} deeper into junk",
    "{c} suspends buyback as cash burn worries lenders",
    "Strike at {c} plant enters second week",
    "{c} recalls products, expects material hit to {s}",
    "Court rejects {c} appeal in long-running damages case",
    "Short seller targets {c} over {s} accounting",
)
_NEUTRAL = (
    "{c} to report full-year results on 24 February",
    "{c} appoints Dana Reyes to board",
    "{c} renames {s} division",
    "{c} moves listing of its bonds to Luxembourg",
    "{c} to present at industrials and technology conference in May",
    "{c} extends credit facility on unchanged terms",
    "{c} keeps auditor for another year",
    "{c} files shelf registration",
    "{c} shareholders meet in {y}: what is on the agenda",
    "{c} head of {s} to retire, successor named",
)
_PAIRS = (
    "{c} snatches {s} contract from {o}",
    "{o} sues {c} over alleged theft of trade secrets",
    "{c} gains on {o} as price war hurts the smaller rival",
    "{c} and {o} to share warehouse space under three-year pact",
    "{c} agrees to buy {o} business for cash, {o} stock soars",
    "Analysts prefer {c} to {o} after sector rout",
    "{o} ends talks with {c}, leaving the bidder empty-handed",
    "{c} falls while {o} climbs in mixed session for the sector",
    "{c} names former {o} executive as treasurer",
    "Joint venture of {c} and {o} breaks ground in Ohio",
)
_RISE = (
    "{c} full-year profit climbs {g} to {n}",
    "{c} sales up {g} in {y} on firm demand for {s}",
    "{c} earnings advance {g} on firmer pricing",
)
_FALL = (
    "{c} annual profit drops {g} as costs bite",
    "{c} sales shrink {g} in {y}",
    "Profit at {c} tumbles {g}, shares slide",
)

_UP_WHY = (
    "as new customers signed multi-year agreements",
    "helped by price increases taken in the spring",
    "on volume gains in North America and a better mix",
    "reflecting the ramp-up of capacity added the year before",
    "with most of the improvement coming in the second half",
    "driven by renewals at higher rates",
)
_DOWN_WHY = (
    "as distributors worked down their stocks",
    "hurt by the loss of one large account",
    "because of adverse weather and a stronger dollar",
    "reflecting lower volumes in Europe",
    "as a competitor cut its prices twice during the year",
    "after we left two unprofitable product lines",
)
_FLAT_WHY = (
    "with gains in one region offset by declines in another",
    "in a market that hardly moved",
    "in line with what we told shareholders a year ago",
)

_FACTS: dict[Measure, tuple[str, ...]] = {
    "employees": (
        "At year end we employed {x} employees, about a third of them outside the United States.",
        "Our workforce stood at {x} people on December 31, {y}.",
        "Headcount closed the year at {x}, of whom one in eight is covered by a union agreement.",
        "As of December 31, {y}, {c} had {x} full-time employees.",
    ),
    "stores": (
        "We closed {y} with {x} stores in operation after openings and relocations.",
        "The store base stood at {x} locations at the end of the fiscal year.",
        "Our network comprised {x} stores, roughly half of them leased until 2030 or later.",
    ),
    "order backlog": (
        "Order backlog at December 31, {y} was {x}, most of which we expect to deliver within two "
        "years.",
        "We ended the year with a {x} backlog of firm orders.",
        "Unfilled orders, or backlog, came to {x} at year end.",
    ),
    "customers": (
        "We served {x} customers during {y}, none of which accounted for a tenth of revenue.",
        "Our customer base reached {x} customers, counting any account billed in the last twelve "
        "months.",
        "At the close of {y} the number of active customers was {x}.",
    ),
    "subscribers": (
        "Paying subscribers numbered {x} at the end of {y}.",
        "We finished the year with {x} subscribers across all plans.",
        "Our subscriber base came to {x} at December 31, {y}.",
    ),
    "restructuring charge": (
        "We recorded a restructuring charge of {x} in {y}, chiefly severance and lease exits.",
        "Results include {x} of restructuring charges tied to the closure of two facilities.",
        "A restructuring charge of {x} was recognized in the fourth quarter.",
    ),
    "capital expenditure guidance": (
        "We expect capital expenditures of approximately {x} in {t}.",
        "Capital spending for fiscal {t} is budgeted at {x}, weighted to the first half.",
        "For {t} our capital expenditure guidance is {x}.",
    ),
    "revenue guidance": (
        "For fiscal {t} we are guiding to revenue of {x}.",
        "We currently anticipate {t} revenue of {x}, assuming constant exchange rates.",
        "Our revenue guidance for {t} is {x}.",
    ),
    "patents": (
        "We hold {x} patents worldwide, which expire at various dates through 2041.",
        "At December 31, {y} our portfolio contained {x} granted patents.",
        "The company owned {x} patents at year end.",
    ),
    "churn rate": (
        "Annual churn was {x}, measured on average subscribers.",
        "The churn rate for {y} came in at {x}.",
        "Our churn rate was {x} for the year, a figure we track monthly.",
    ),
    "effective tax rate": (
        "Our effective tax rate was {x} for {y}.",
        "The effective tax rate for the year came to {x}, including discrete items.",
        "We were taxed at an effective rate of {x} in {y}.",
    ),
    "litigation provision": (
        "We have set aside a litigation provision of {x} for matters described in Note 14.",
        "A provision of {x} for pending litigation was recorded in {y}.",
        "Legal reserves include a litigation provision of {x}.",
    ),
}
_OPERATIONS: tuple[Measure, ...] = (
    "employees",
    "stores",
    "order backlog",
    "customers",
    "subscribers",
    "churn rate",
    "patents",
)
_OUTLOOK: tuple[Measure, ...] = ("revenue guidance", "capital expenditure guidance")
_CHARGES: tuple[Measure, ...] = (
    "effective tax rate",
    "restructuring charge",
    "litigation provision",
)


def money(millions: float) -> str:
    """A sum without its sign, as prose gives it: ``$812 million``, ``$1.24 billion``."""
    if abs(millions) >= 1000:
        return f"${abs(millions) / 1000:.2f} billion"
    return f"${abs(millions):,.0f} million"


def headlines(
    rng: random.Random, firm: Company, year: Year, before: Year | None, others: Sequence[Company]
) -> list[Document]:
    """Six headlines: good, bad, plain, two that name a second company, and one on the results."""
    segments = [str(s["segment"]) for s in year.segments]

    def word(frame: str, **more: str) -> str:
        name = firm.name if rng.random() < 0.55 else firm.aliases[0]
        other = rng.choice(others)
        rival = other.name if rng.random() < 0.6 else other.aliases[0]
        return frame.format(c=name, o=rival, s=rng.choice(segments), y=year.fiscal_year, **more)

    texts = [
        word(rng.choice(_POSITIVE)),
        word(rng.choice(_NEGATIVE)),
        word(rng.choice(_NEUTRAL)),
        *(word(frame) for frame in rng.sample(_PAIRS, 2)),
    ]
    days = [date(year.fiscal_year, rng.randint(1, 12), rng.randint(1, 28)) for _ in texts]
    result = _result_headline(rng, year, before)
    if result is None:
        texts.append(word(rng.choice(_NEUTRAL)))
        days.append(date(year.fiscal_year, rng.randint(1, 12), rng.randint(1, 28)))
    else:
        frame, growth, profit = result
        texts.append(word(frame, g=growth, n=profit))
        days.append(date(year.fiscal_year + 1, 2, rng.randint(8, 20)))
    return [
        _document(firm, year, "headline", n, text, text, day)
        for n, (text, day) in enumerate(zip(texts, days, strict=True), start=1)
    ]


def _result_headline(
    rng: random.Random, year: Year, before: Year | None
) -> tuple[str, str, str] | None:
    """A frame whose claim is true of the statements, with the change and the profit in words."""
    if before is None:
        return None
    now, then = year.income_statement, before.income_statement
    fits: list[tuple[str, str, str]] = []
    for line, frames in (("net_income", (0, 2)), ("revenue", (1,))):
        if then[line] <= 0 or now[line] <= 0:
            continue
        change = now[line] / then[line] - 1
        if abs(change) < 0.005 or abs(change) > 3:
            continue
        pool = _RISE if change > 0 else _FALL
        words = f"{abs(change) * 100:.0f}%" if abs(change) >= 0.01 else f"{abs(change):.1%}"
        fits += [(pool[i], words, money(now["net_income"])) for i in frames]
    return rng.choice(fits) if fits else None


def filing(
    rng: random.Random,
    firm: Company,
    year: Year,
    before: Year | None,
    facts: Sequence[Disclosure],
    filed: date,
) -> list[Document]:
    """The annual report's paragraphs: results, segments, operations, charges, outlook."""
    told = {fact.measure: fact for fact in facts}

    def tell(*measures: Measure) -> str:
        return " ".join(_fact(rng, firm, told[m]) for m in measures if m in told)

    operations = tell(*_OPERATIONS)
    parts: list[tuple[str, str]] = [
        ("results of operations", _results(rng, firm, year, before)),
        ("segment review", _segments(rng, year, before)),
        ("our business", operations),
    ]
    if charges := tell(*_CHARGES):
        parts.append(("tax, charges and legal matters", charges))
    parts.append(("outlook", f"{_mood(rng, year, before)} {tell(*_OUTLOOK)}"))
    return [
        _document(
            firm,
            year,
            "filing",
            n,
            f"{firm.name} annual report {year.fiscal_year}: {heading}",
            text,
            filed,
        )
        for n, (heading, text) in enumerate(parts, start=1)
    ]


def restatement(firm: Company, year: Year, text: str, day: date) -> Document:
    """The notice that a year's figures were restated."""
    title = f"{firm.name} restates fiscal {year.fiscal_year} figures"
    return _document(firm, year, "filing", 9, title, text, day)


def _results(rng: random.Random, firm: Company, year: Year, before: Year | None) -> str:
    now = year.income_statement
    sentences: list[str] = []
    if before is None:
        sentences.append(
            f"{firm.name} had revenue of {money(now['revenue'])} in fiscal {year.fiscal_year}."
        )
    else:
        sentences.append(
            _moved(rng, "Revenue", now["revenue"], before.income_statement["revenue"], year)
        )
    margin = now["gross_profit"] / now["revenue"]
    sentences.append(
        rng.choice(
            (
                f"Gross profit was {money(now['gross_profit'])}, or {margin:.1%} of revenue.",
                f"We kept {margin:.1%} of revenue as gross profit.",
            )
        )
    )
    profit = now["net_income"]
    earned = "net income" if profit >= 0 else "a net loss"
    sentences.append(
        rng.choice(
            (
                f"The year closed with {earned} of {money(profit)}.",
                f"After interest and tax we reported {earned} of {money(profit)}.",
            )
        )
    )
    flow = year.cash_flow
    spent = flow["dividends_paid"] + flow["share_repurchases"]
    if spent > 0:
        sentences.append(f"We returned {money(spent)} to shareholders.")
    if flow["acquisitions"] > 0:
        sentences.append(f"Acquisitions absorbed {money(flow['acquisitions'])} of cash.")
    return " ".join(sentences)


def _segments(rng: random.Random, year: Year, before: Year | None) -> str:
    past = {s["segment"]: s for s in before.segments} if before else {}
    sentences: list[str] = []
    for segment in year.segments:
        name, sales = str(segment["segment"]), _number(segment["segment_revenue"])
        profit = _number(segment["segment_operating_income"])
        old = past.get(name)
        if old is None:
            sentences.append(f"{name} contributed revenue of {money(sales)}.")
        else:
            then = _number(old["segment_revenue"])
            sentences.append(_moved(rng, f"{name} revenue", sales, then, year))
        result = "operating income" if profit >= 0 else "an operating loss"
        sentences.append(
            rng.choice(
                (
                    f"The segment posted {result} of {money(profit)}.",
                    f"{name} reported {result} of {money(profit)}.",
                )
            )
        )
    return " ".join(sentences)


def _moved(rng: random.Random, what: str, now: float, then: float, year: Year) -> str:
    change = now / then - 1 if then else 0.0
    if abs(change) < 0.01:
        return f"{what} was broadly unchanged at {money(now)}, {rng.choice(_FLAT_WHY)}."
    verbs = ("rose", "grew", "increased") if change > 0 else ("fell", "declined", "decreased")
    why = rng.choice(_UP_WHY if change > 0 else _DOWN_WHY)
    share = f"{abs(change) * 100:.1f}%"
    return rng.choice(
        (
            f"{what} {rng.choice(verbs)} {share} to {money(now)}, {why}.",
            f"{what} {rng.choice(verbs)} to {money(now)} from {money(then)}, {why}.",
            f"In {year.fiscal_year} {what[0].lower() if what.startswith('Revenue') else what[0]}"
            f"{what[1:]} {rng.choice(verbs)} by {share} and reached {money(now)}, {why}.",
        )
    )


def _mood(rng: random.Random, year: Year, before: Year | None) -> str:
    good = before is None or year.income_statement["revenue"] >= before.income_statement["revenue"]
    pick: Callable[[Sequence[str]], str] = rng.choice
    if good:
        return pick(
            (
                "Demand entering the new year is healthy and we see no reason to slow investment.",
                "We start the year with good order intake and a stable cost base.",
                "Management remains confident despite wage inflation.",
            )
        )
    return pick(
        (
            "Conditions remain difficult and visibility is poor beyond the first half.",
            "We are planning cautiously and have frozen hiring outside of sales.",
            "We do not count on a recovery of our markets before the autumn.",
        )
    )


def _fact(rng: random.Random, firm: Company, fact: Disclosure) -> str:
    text = spoken(fact.value, fact.unit)
    if fact.high is not None:
        text = f"{text} to {spoken(fact.high, fact.unit)}"
    frame = rng.choice(_FACTS[fact.measure])
    return frame.format(x=text, y=fact.year, t=fact.about, c=firm.name)


def _document(
    firm: Company,
    year: Year,
    kind: Literal["headline", "filing"],
    number: int,
    title: str,
    text: str,
    day: date,
) -> Document:
    wire = "newswire" if kind == "headline" else f"{firm.ticker} annual report {year.fiscal_year}"
    return Document(
        id=f"{firm.ticker}-{year.fiscal_year}-{kind}-{number}",
        title=title,
        kind=kind,
        company=firm.name,
        year=year.fiscal_year,
        published=day,
        text=text,
        source=wire,
    )


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
