"""The fiscal years a passage names, written out or told relative to another.

Unlike the linker's periods, which read a question, every year of a passage is one of its own: in
``$5 million in 2022 and $4 million in 2021`` each belongs to a figure.
"""

from __future__ import annotations

import re

_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
)
_YEAR = re.compile(
    rf"""(?<![\w$€£¥.,%])
    (?:(?:the\ )?(?:fiscal\ |financial\ |calendar\ )?(?:years?\ )?(?:ended|ending)\ )?
    (?:{_MONTH}\ \d{{1,2}}\ ?,?\ |\d{{1,2}}\ {_MONTH}\ 
      |(?:fiscal|financial|calendar)\ (?:years?\ )?|fy\ ?'?)?
    (?:(?P<long>(?:19|20)\d\d)|(?<=fy)(?P<short>\d\d)|(?<=fy\ )(?P<short2>\d\d))
    (?![\w%]|[.,]\d|\ (?:million|billion|thousand|percent|employees|people|stores))""",
    re.IGNORECASE | re.VERBOSE,
)
_RELATIVE = re.compile(
    r"""(?<!\w)(?:
    (?P<before>
      (?:the|its|our)\ (?:prior|previous|preceding)(?:\ (?:fiscal|financial))?[\ -](?:year|period)
      |(?:prior|previous)[\ -]year|(?:a|one|the)\ year\ (?:earlier|before|ago|prior)
      |last\ year|year-ago)
    |(?P<after>next\ (?:fiscal\ |financial\ )?year|the\ (?:coming|following)\ (?:fiscal\ )?year)
    |(?P<now>this\ (?:fiscal\ )?year|the\ current\ (?:fiscal\ )?year|the\ year\ under\ review)
    )(?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)
_SENTENCE_END = re.compile(r"[.;!?](?=\s|$)")


def years(text: str, about: int | None) -> list[tuple[int, int, int]]:
    """``(start, end, year)`` of every fiscal year a passage names, in order.

    Relative years count from the last year named before them in the same sentence, else from the
    document's own; where neither is known they stay words.
    """
    found: list[tuple[int, int, int]] = []
    for match in _YEAR.finditer(text):
        written = match["long"] or match["short"] or match["short2"]
        found.append((*match.span(), int(written) + (2000 if len(written) == 2 else 0)))
    explicit = list(found)
    for match in _RELATIVE.finditer(text):
        cut = max((m.end() for m in _SENTENCE_END.finditer(text, 0, match.start())), default=0)
        inside = [year for start, _, year in explicit if cut <= start < match.start()]
        anchor = inside[-1] if inside else about
        if anchor is not None:
            shift = -1 if match["before"] else 1 if match["after"] else 0
            base = about if shift >= 0 and about is not None else anchor
            found.append((*match.span(), base + shift))
    return sorted(found)
