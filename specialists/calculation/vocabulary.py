"""Words for the measures of generated calculations: statement lines, odd items of real filings."""

from __future__ import annotations

from specialists.workspace.lexicon import lexicon

_FILINGS = """
payment volume; tax benefit from option exercises; unrecognized tax benefits; rental expense;
operating lease payments; purchase obligations; restructuring charges; stock-based compensation
expense; pension contributions; expected benefit payments; allowance for doubtful accounts;
warranty reserves; commitments and contingencies; securities sold under agreements to
repurchase; deferred tax assets; goodwill impairment; gain on sale of assets; proceeds from
stock options; dividends declared per share; net interest income; loans receivable; deposits;
premiums earned; claims paid; backlog; store count; barrels sold; freight revenues; passenger
revenues; fuel expense; aircraft rent; maintenance cost; advertising cost; royalty income;
franchise fees; subscription revenue; hardware sales; service revenue; foreign currency
translation; unrealized gains; fair value of plan assets; benefit obligation; amortization of
intangible assets; minimum lease payments; letters of credit; revolving credit facility;
long-term debt maturities; environmental reserves; assets under management; fee income; trading
revenue; equity income; minority interest; effect of exchange rates; volume growth; price
increases; natural gas sales; steel production; generation capacity; occupancy cost; payroll;
travel expense; legal settlement; contributions to the plan; cash paid for interest; cash paid
for taxes; share repurchases; treasury stock; comprehensive income; segment profit;
international sales; domestic sales; consumer products sales; industrial packaging sales;
printing papers; capitalized software; exploration cost; proved reserves
"""
_WHOLES = """
total revenue; total assets; net sales; total operating expenses; total liabilities; total debt;
total contractual obligations; total net revenue; total cost; total capitalization; total
purchase price; total securities; total shares; total expenses; all obligations; total
commitments; total equity
"""


def _split(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split(";") if part.strip()]


MONEY: tuple[str, ...] = tuple(
    dict.fromkeys(
        [m.label for m in lexicon().measures.values() if m.unit == "money"] + _split(_FILINGS)
    )
)
"""Measures in money."""
WHOLES: tuple[str, ...] = tuple(_split(_WHOLES))
"""What other measures are a part of."""
UNITS: tuple[tuple[str, str], ...] = (
    ("share", "shares outstanding"),
    ("employee", "employees"),
    ("store", "stores"),
    ("customer", "customers"),
    ("transaction", "transactions"),
    ("unit", "units sold"),
    ("barrel", "barrels sold"),
    ("square foot", "square feet"),
    ("subscriber", "subscribers"),
    ("aircraft", "aircraft in service"),
)
"""What money is told per, and the label of how many there are."""
COUNTS = frozenset(label for _, label in UNITS)
SEGMENTS: tuple[str, ...] = tuple(
    _split(
        """cloud; devices; services; europe; north america; asia pacific; consumer; industrial;
        packaging; oncology; retail; wholesale; software; upstream; refining; water; studios;
        logistics; insurance; asset management; specialty; generation; diagnostics;
        advertising; hardware; aerospace"""
    )
)
"""Names of a company's parts."""
