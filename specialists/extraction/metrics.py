"""The metrics of generated passages: how filings and people call them, and how large they are.

``METRICS`` are in the finance lexicon, ``OPEN_METRICS`` in none: the question's own words must be
found in the passage.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from specialists.extraction.frames import SPECIFIC
from specialists.extraction.measures import concept

Powers = tuple[float, float]
Wording = tuple[str, ...]

METRICS: dict[str, tuple[str, Powers, Wording, Wording]] = {
    # name: (kind, magnitude as powers of ten, noun phrases of filings, words of the question)
    "employees": (
        "count",
        (2, 5.5),
        ("employees", "headcount", "number of employees", "workforce", "staff"),
        (
            "number of employees",
            "headcount",
            "employees",
            "workforce",
            "staff count",
            "number of people employed",
        ),
    ),
    "stores": (
        "count",
        (1.3, 4),
        ("stores", "store count", "number of stores", "retail stores", "outlets"),
        ("number of stores", "store count", "stores", "number of outlets", "shops"),
    ),
    "order backlog": (
        "money",
        (7, 10.8),
        ("order backlog", "backlog", "order book", "unfilled orders", "backlog of orders"),
        ("order backlog", "backlog", "order book", "unfilled orders"),
    ),
    "customers": (
        "count",
        (2, 7),
        ("customers", "number of customers", "customer base", "active customers", "clients"),
        ("number of customers", "customers", "customer base", "clients", "customer count"),
    ),
    "subscribers": (
        "count",
        (3, 8),
        (
            "subscribers",
            "subscriber base",
            "paying subscribers",
            "subscriber count",
            "subscriptions",
        ),
        ("number of subscribers", "subscribers", "subscriber count", "subscriber base"),
    ),
    "restructuring charge": (
        "money",
        (5.5, 9.3),
        ("restructuring charge", "restructuring costs", "restructuring expense", "severance costs"),
        ("restructuring charge", "restructuring costs", "restructuring expense", "restructuring"),
    ),
    "capital expenditure guidance": (
        "money",
        (6, 10),
        ("capital expenditure", "capital expenditures", "capex", "capital spending"),
        (
            "capex guidance",
            "capital expenditure guidance",
            "planned capex",
            "capex outlook",
            "expected capital expenditure",
        ),
    ),
    "revenue guidance": (
        "money",
        (7, 11),
        ("revenue", "net sales", "sales", "total revenue"),
        (
            "revenue guidance",
            "sales guidance",
            "revenue outlook",
            "guidance for revenue",
            "expected revenue",
        ),
    ),
    "patents": (
        "count",
        (1, 4.3),
        ("patents", "granted patents", "number of patents", "patents held"),
        ("number of patents", "patents", "patent count", "patents held", "patent portfolio"),
    ),
    "churn rate": (
        "%",
        (-0.3, 1.4),
        ("churn rate", "churn", "customer churn", "attrition rate"),
        ("churn rate", "churn", "customer churn", "attrition rate"),
    ),
    "effective tax rate": (
        "%",
        (0.6, 1.6),
        ("effective tax rate", "tax rate", "effective rate of tax"),
        ("effective tax rate", "tax rate", "reported effective tax rate"),
    ),
    "litigation provision": (
        "money",
        (5.5, 9.3),
        (
            "litigation provision",
            "legal reserves",
            "litigation charge",
            "provision for legal claims",
            "litigation accrual",
        ),
        ("litigation provision", "legal reserve", "provision for litigation", "litigation charge"),
    ),
    # measures that statements hold as well
    "revenue": (
        "money",
        (7, 11),
        ("revenue", "net sales", "revenues", "total revenue", "sales", "net revenue"),
        ("revenue", "net sales", "sales", "total revenue", "turnover"),
    ),
    "net income": (
        "money",
        (6, 10),
        ("net income", "net earnings", "net profit"),
        ("net income", "net profit", "net earnings", "bottom line"),
    ),
    "operating income": (
        "money",
        (6, 10),
        ("operating income", "operating profit", "income from operations"),
        ("operating income", "operating profit", "ebit"),
    ),
    "gross profit": ("money", (6, 10.5), ("gross profit",), ("gross profit",)),
    "research and development expense": (
        "money",
        (6, 10),
        (
            "research and development expense",
            "research and development",
            "r&d expense",
            "research and development costs",
        ),
        ("research and development expense", "r&d", "r&d spending", "r&d expense"),
    ),
    "selling, general and administrative expense": (
        "money",
        (6, 10),
        ("selling , general and administrative expenses", "sg&a"),
        ("sg&a", "selling, general and administrative expense"),
    ),
    "interest expense": (
        "money",
        (5, 9),
        ("interest expense", "interest cost"),
        ("interest expense", "interest cost"),
    ),
    "income tax": (
        "money",
        (5, 9.5),
        ("income tax expense", "provision for income taxes", "income taxes"),
        ("income tax expense", "income taxes", "tax expense"),
    ),
    "capital expenditure": (
        "money",
        (6, 10),
        (
            "capital expenditures",
            "capital expenditure",
            "capex",
            "purchases of property and equipment",
        ),
        ("capital expenditure", "capex", "capital spending"),
    ),
    "operating cash flow": (
        "money",
        (6, 10),
        (
            "operating cash flow",
            "cash flow from operations",
            "net cash provided by operating activities",
        ),
        ("operating cash flow", "cash flow from operations", "cash from operations"),
    ),
    "free cash flow": ("money", (6, 10), ("free cash flow",), ("free cash flow", "fcf")),
    "cash and equivalents": (
        "money",
        (6, 10.5),
        ("cash and cash equivalents", "cash"),
        ("cash and cash equivalents", "cash", "cash balance"),
    ),
    "total assets": ("money", (7, 11), ("total assets",), ("total assets", "assets")),
    "long-term debt": (
        "money",
        (6, 10.5),
        ("long-term debt",),
        ("long-term debt", "long term debt"),
    ),
    "inventory": ("money", (5, 10), ("inventories", "inventory"), ("inventory", "inventories")),
    "goodwill": ("money", (6, 10), ("goodwill",), ("goodwill",)),
    "dividends paid": (
        "money",
        (6, 9.5),
        ("dividends paid", "cash dividends"),
        ("dividends paid", "dividends"),
    ),
    "depreciation and amortization": (
        "money",
        (5, 9.5),
        ("depreciation and amortization", "depreciation and amortization expense"),
        ("depreciation and amortization", "d&a"),
    ),
}

OPEN_METRICS: dict[str, tuple[str, Powers, Wording]] = {
    # no lexicon knows these: the question's own words must be found in the passage
    "rent expense": ("money", (5, 9), ("rent expense", "rental expense")),
    "advertising costs": ("money", (5, 9), ("advertising costs", "advertising expense")),
    "share-based compensation": (
        "money",
        (5, 9),
        ("share-based compensation", "stock-based compensation expense"),
    ),
    "deferred revenue": ("money", (5, 9.5), ("deferred revenue",)),
    "unrecognized tax benefits": ("money", (5, 9), ("unrecognized tax benefits",)),
    "pension contributions": (
        "money",
        (5, 9),
        ("pension contributions", "contributions to the pension plans"),
    ),
    "amortization of intangibles": (
        "money",
        (5, 9),
        ("amortization of intangibles", "amortization of intangible assets"),
    ),
    "letters of credit outstanding": (
        "money",
        (5, 9),
        ("letters of credit outstanding", "outstanding letters of credit"),
    ),
    "unused borrowing capacity": ("money", (6, 10), ("unused borrowing capacity",)),
    "warranty accrual": ("money", (5, 9), ("warranty accrual", "accrual for warranties")),
    "foreign currency loss": ("money", (5, 8), ("foreign currency loss",)),
    "impairment charge": ("money", (5, 9.5), ("impairment charge", "impairment charges")),
    "customer deposits": ("money", (5, 9), ("customer deposits",)),
    "gain on sale of assets": ("money", (5, 9), ("gain on sale of assets",)),
    "environmental remediation costs": ("money", (5, 9), ("environmental remediation costs",)),
    "royalty income": ("money", (5, 9), ("royalty income",)),
    "assets under management": ("money", (8, 12), ("assets under management",)),
    "loan commitments": ("money", (6, 10), ("loan commitments",)),
    "purchase obligations": ("money", (6, 10), ("purchase obligations",)),
    "allowance for doubtful accounts": ("money", (5, 8.5), ("allowance for doubtful accounts",)),
    "dividends per share": ("price", (-1, 1), ("dividends per share", "cash dividends per share")),
    "weighted-average exercise price": ("price", (0, 2), ("weighted-average exercise price",)),
    "grant date fair value per share": (
        "price",
        (0, 2.2),
        ("grant date fair value per share", "weighted average grant date fair value"),
    ),
    "average price paid per share": ("price", (0.5, 2.3), ("average price paid per share",)),
    "book value per share": ("price", (0.3, 2.2), ("book value per share",)),
    "shares repurchased": ("count", (4, 8), ("shares repurchased", "repurchased shares")),
    "stock options granted": ("count", (4, 7.5), ("stock options granted", "options granted")),
    "intrinsic value of options exercised": (
        "money",
        (5, 9),
        ("intrinsic value of options exercised", "total intrinsic value of exercised options"),
    ),
    "unrecognized compensation cost": (
        "money",
        (5, 9),
        ("unrecognized compensation cost", "unrecognized compensation expense"),
    ),
    "valuation allowance": ("money", (5, 9.5), ("valuation allowance",)),
    "interest paid": ("money", (5, 9), ("interest paid", "cash paid for interest")),
    "contract liabilities": ("money", (5, 9.5), ("contract liabilities",)),
    "income from equity investments": ("money", (5, 9), ("income from equity investments",)),
    "self-insurance reserves": ("money", (5, 9), ("self-insurance reserves",)),
    "bank fees": ("money", (4, 8), ("bank fees", "banking fees")),
    "legal fees": ("money", (4, 8.5), ("legal fees", "fees paid to lawyers")),
    "aircraft in the fleet": ("count", (1, 3), ("aircraft in the fleet",)),
    "wells drilled": ("count", (1, 3.5), ("wells drilled",)),
    "hospital beds": ("count", (2, 4.5), ("hospital beds",)),
    "vehicles delivered": ("count", (3, 6), ("vehicles delivered", "vehicle deliveries")),
    "hotel rooms": ("count", (2, 5.5), ("hotel rooms",)),
    "shareholders of record": ("count", (2, 5), ("shareholders of record", "holders of record")),
    "monthly active users": ("count", (4, 9), ("monthly active users",)),
    "tons shipped": ("count", (3, 7), ("tons shipped",)),
    "barrels produced": ("count", (4, 7), ("barrels produced",)),
    "dealers": ("count", (1, 4), ("dealers",)),
    "data centers": ("count", (0.5, 2.5), ("data centers",)),
    "installed megawatts": ("count", (2, 5), ("installed megawatts",)),
    "clinical trials under way": ("count", (0.5, 2), ("clinical trials under way",)),
    "occupancy rate": ("%", (1.5, 1.99), ("occupancy rate", "occupancy")),
    "load factor": ("%", (1.5, 1.99), ("load factor",)),
    "market share": ("%", (0.3, 1.8), ("market share",)),
    "discount rate": ("%", (0.2, 1), ("discount rate",)),
    "capacity utilization": ("%", (1.5, 1.99), ("capacity utilization",)),
    "same-store sales growth": ("%", (-0.3, 1.2), ("same-store sales growth",)),
    "expected volatility": ("%", (1, 1.8), ("expected volatility",)),
    "combined ratio": ("%", (1.9, 2.03), ("combined ratio",)),
    "net interest margin": ("%", (0, 0.8), ("net interest margin",)),
    "recycled content": ("%", (0.8, 1.9), ("recycled content",)),
    "employee turnover": ("%", (0.5, 1.5), ("employee turnover",)),
}

GUIDED = ("capital expenditure guidance", "revenue guidance")
"""What is told of the year to come."""
TWINS = {"revenue guidance": "revenue", "capital expenditure guidance": "capital expenditure"}
"""The actual figure each plan can be mistaken for."""


@dataclass(frozen=True)
class Metric:
    """A metric as a draw uses it. ``powers``: its size, as powers of ten."""

    name: str
    kind: str
    powers: Powers
    phrases: Wording
    questions: Wording


@cache
def _pool() -> tuple[tuple[Metric, ...], tuple[int, ...]]:
    told = [Metric(name, *METRICS[name]) for name in METRICS]
    free = [
        Metric(n, kind, powers, phrases, (n, *phrases))
        for n, (kind, powers, phrases) in OPEN_METRICS.items()
    ]
    weights = [46 if m.name in SPECIFIC else 14 for m in told] + [7 for _ in free]
    return (*told, *free), tuple(weights)


def draw(rng: random.Random, *others: Metric) -> Metric:
    """A metric whose concept none of the others shares."""
    metrics, weights = _pool()
    taken = {concept(q) for o in others for q in (*o.phrases, *o.questions)}
    while True:
        metric = rng.choices(metrics, weights)[0]
        if taken.isdisjoint(concept(q) for q in (*metric.phrases, *metric.questions)):
            return metric


def named(name: str) -> Metric:
    """The metric with this name."""
    return next(m for m in _pool()[0] if m.name == name)
