"""A page's lines as a catalogue of one table, so that the linker can read a question about them.

It holds labels and headers, no numbers; ``ingest`` makes workspaces that can be queried.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from specialists.workspace.catalogue import Catalogue, Column, Table
from specialists.workspace.ranking import Line

_DAY = date(2100, 1, 1)


def catalogue_of(lines: Sequence[Line]) -> Catalogue:
    """Labels of the table's rows as values of one column, its headers as measures."""
    labels = tuple(dict.fromkeys(x.text for x in lines if x.table and x.text))
    headers = tuple(dict.fromkeys(h for x in lines for h in x.headers if h))
    columns = (
        Column(name="item", title="Item", role="label", type="text", values=labels[:500]),
        *(
            Column(name=f"c{n}", title=h, role="measure", type="number")
            for n, h in enumerate(headers, start=1)
        ),
    )
    table = Table(name="page", title="Page", columns=columns, rows=len(labels))
    return Catalogue(workspace="page", version="1", as_of=_DAY, companies=(), tables=(table,))
