"""Whom and when a subtask speaks of, by its ``company`` and ``period`` inputs or its words.

It reads a subtask and a catalogue; it searches nothing. Every job that looks for documents starts
here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from specialists.foundation.contracts import Finding, Quantity, Ref, Subtask
from specialists.foundation.errors import NotFound
from specialists.workspace.catalogue import Catalogue, Company, Period
from specialists.workspace.links import Linker

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


@dataclass(frozen=True)
class Subject:
    """Whom and when a subtask speaks of. None where it does not say."""

    company: Company | None
    period: Period | None

    def __str__(self) -> str:
        who = self.company.name if self.company else "the workspace"
        return f"{who} in {self.period.label}" if self.period else who


def subject(subtask: Subtask, given: Mapping[str, Finding], catalogue: Catalogue) -> Subject:
    """Whom and when a subtask means.

    Args:
        given: findings of the subtask's parents, by the input name that refers to them.

    Raises:
        NotFound: it names a company that this workspace has not.
    """
    name, when = given_text(subtask, given, "company"), given_text(subtask, given, "period", "year")
    company = known(name, catalogue) if name else None
    if name and company is None:
        raise NotFound(f"no company named {name!r} in workspace {catalogue.workspace}")
    period = years(when) if when else None
    if company is None or period is None:
        linked = Linker(catalogue).link(subtask.instruction)
        for handle, target in linked.handles.items():
            if target.kind == "e" and company is None:
                company = known(str(target.value), catalogue)
            if target.kind == "p" and period is None and handle in linked.text:
                period = target.value
        if company is None and linked.unknown and not _YEAR.fullmatch(linked.unknown[0]):
            raise NotFound(
                f"nothing named {linked.unknown[0]!r} in workspace {catalogue.workspace}"
            )
    return Subject(company, period)


def given_text(subtask: Subtask, given: Mapping[str, Finding], *names: str) -> str:
    """The first of these inputs that is there, as text: a literal or an earlier finding's value."""
    for name in names:
        value = subtask.inputs.get(name)
        if isinstance(value, Ref):
            found = given[name].value if name in given else None
            value = f"{found.amount:g}" if isinstance(found, Quantity) else found
        if value is not None and str(value).strip():
            return str(value).strip()
    return ""


def known(name: str, catalogue: Catalogue) -> Company | None:
    """The company with this name, ticker or alias, whatever the case."""
    wanted = name.casefold().strip()
    for company in catalogue.companies:
        if wanted in {form.casefold() for form in forms(company)}:
            return company
    for table in catalogue.tables:  # a company that only its own table names
        if table.company and table.company.casefold() == wanted:
            return Company(name=table.company)
    return None


def forms(company: Company) -> tuple[str, ...]:
    """Everything a company is called."""
    return tuple(f for f in (company.name, company.ticker, *company.aliases) if f)


def years(text: str) -> Period | None:
    """``2022``, ``FY2022``, ``2020 to 2022``: the first and last year written."""
    found = [int(y) for y in _YEAR.findall(text)]
    return Period(first=min(found), last=max(found)) if found else None
