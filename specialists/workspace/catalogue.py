"""What a workspace holds, without its rows: companies, tables, columns, periods, documents' titles.

A catalogue is what the planner and the linker may read. It is a pure value: a workspace version
makes one, and so does a generator of training examples.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from specialists.foundation.contracts import Value

Role = Literal["company", "period", "label", "measure", "attribute"]
"""A column's part: whose row, which fiscal year, which line, a number, or any other text."""


class Period(Value):
    """Fiscal years ``first`` … ``last``, both included; a single year has ``first == last``."""

    first: int
    last: int

    @property
    def label(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


class Company(Value):
    """A company the workspace knows."""

    name: str
    ticker: str = ""
    aliases: tuple[str, ...] = ()
    sector: str = ""


class Column(Value):
    """A column of a table."""

    name: str
    """The SQL identifier."""
    title: str = ""
    """The header as the source wrote it."""
    role: Role
    type: Literal["number", "text", "date"]
    unit: str = ""
    scale: float = 1.0
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """Distinct values of a text column (at most 500)."""


class Table(Value):
    """A table. Its rows are keyed by its ``company``, ``period`` and ``label`` columns."""

    name: str
    title: str
    description: str = ""
    company: str | None = None
    """The one company all rows are about, where there is no company column."""
    columns: tuple[Column, ...]
    periods: tuple[int, ...] = ()
    """Fiscal years present, ascending."""
    rows: int
    source: str = ""

    def column(self, role: Role) -> Column | None:
        """The first column with this role."""
        return next((c for c in self.columns if c.role == role), None)

    def named(self, name: str) -> Column | None:
        """The column with this SQL name."""
        return next((c for c in self.columns if c.name == name), None)


class Document(Value):
    """A text of the workspace: a headline, a filing paragraph, a note."""

    id: str
    title: str
    kind: Literal["headline", "filing", "note"]
    company: str | None = None
    year: int | None = None
    """The fiscal year it is about."""
    published: date
    """When it became known."""
    text: str
    source: str = ""


class Title(Value):
    """A document as the catalogue shows it: everything but its text."""

    id: str
    title: str
    kind: Literal["headline", "filing", "note"]
    company: str | None = None
    year: int | None = None
    published: date


class Catalogue(Value):
    """All of one workspace version, as far as it was known at ``as_of``."""

    workspace: str
    version: str
    as_of: date
    companies: tuple[Company, ...]
    tables: tuple[Table, ...]
    documents: tuple[Title, ...] = ()
