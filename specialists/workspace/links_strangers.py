"""Names that are none of this workspace's, so that they are never taken for the nearest one.

In a text with capitals a stranger is a capitalised word that is neither ordinary nor known; in one
without, a word nobody knows in the place of a name. It names nobody: it says where strangers stand.
"""

from __future__ import annotations

import re

from specialists.workspace.lexicon import fold, lexicon, words
from specialists.workspace.links_index import LinkIndex, Meaning
from specialists.workspace.links_words import Match, Token

NAMED = frozenset(
    [
        *("segment", "division", "unit", "sector", "industry", "company", "companie", "firm"),
        *("name", "business", "businesse"),
    ]
)
"""Nouns that make the word before them a segment or a sector."""
_BEFORE_NAME = frozenset(["of", "for", "at", "did", "does", "has", "by", "about"])
_LEGAL = frozenset(["inc", "corp", "plc", "ltd", "llc", "holdings", "group", "co"])


class Strangers:
    """Tells strangers' names from the words and names of one index."""

    def __init__(self, index: LinkIndex) -> None:
        self.index = index
        self._suffixes = lexicon().suffixes - {"the", "and", "&"}

    def of_another(self, meaning: Meaning, tokens: list[Token], last: int) -> bool:
        """Whether the next word makes it another's name: ``Acme Foods`` is no ``Acme Robotics``."""
        after = tokens[last]
        if after.key not in self.index.trades and not (
            after.capital and after.key in self.index.names
        ):
            return False
        if after.key in words(str(meaning.value)) or (after.key,) in self.index.lines:
            return False
        follows = tokens[last + 1].key if last + 1 < len(tokens) else ""
        begins = (after.key, follows) in self.index.phrases or follows in NAMED
        return not begins

    def stranger(self, token: Token) -> bool:
        """A capitalised word that is neither ordinary nor one of this workspace's."""
        word = fold(token.low)
        return (
            token.capital
            and len(word) > 1
            and word not in self.index.known
            and token.low not in self.index.known
            and word not in self.index.names
            and (word,) not in self.index.phrases
        )

    def foreign(self, token: Token) -> bool:
        """A word that is neither ordinary nor one of this workspace's, whatever its case."""
        return (
            len(token.low) > 3
            and token.low.isalpha()
            and not self.index.is_known(token.key)
            and not self.index.is_known(token.low)
            and token.key not in self.index.names
            and (token.key,) not in self.index.phrases
        )

    def sure(self, chosen: list[Match], tokens: list[Token], mixed: bool) -> list[Match]:
        """Without words of a stranger's name: the *Stores* of ``Dalstead Stores Corp``."""
        if not mixed:
            return chosen
        kept: list[Match] = []
        for match in chosen:
            before, after = (
                tokens[match.first - 1 : match.first],
                tokens[match.last : match.last + 1],
            )
            part = (
                match.meanings[0].kind in {"c", "d", "r"}
                and match.last - match.first == 1
                and tokens[match.first].capital
                and bool(before and after)
                and self.stranger(before[0])
                and (
                    match.meanings[0].kind != "c"
                    or after[0].low == "'s"
                    or (after[0].capital and after[0].low in self._suffixes)
                )
            )
            if not part:
                kept.append(match)
        return kept

    def names(self, plain: str, tokens: list[Token], chosen: list[Match], mixed: bool) -> list[str]:
        """Phrases in the place of a name that match nothing."""
        taken = {i for m in chosen for i in range(m.first, m.last)}
        unknown: list[str] = []
        run: list[Token] = []
        lower = set[int]() if mixed else self._foreigners(tokens, chosen, taken)
        for i, token in enumerate(tokens):
            free = i not in taken
            if mixed:
                strange = free and (
                    self.stranger(token)
                    or (bool(run) and (token.low == "&" or token.capital))
                    or (token.capital and token.key in self.index.names)
                )
            else:
                strange = free and i in lower
            if strange:
                run.append(token)
            elif run:
                unknown.append(plain[run[0].start : run[-1].end].lower())
                run = []
        if run:
            unknown.append(plain[run[0].start : run[-1].end].lower())
        if mixed and unknown and tokens and unknown[0] == tokens[0].low:
            # The first word has its capital anyway: a name only where nothing else is one.
            owner = len(tokens) > 1 and tokens[1].low == "'s"
            if not owner and any(m.meanings[0].kind == "e" for m in chosen):
                del unknown[0]
        for quoted in re.finditer(r"[\"“]([^\"”]{2,60})[\"”]", plain):
            inside = [i for i, t in enumerate(tokens) if quoted.start(1) <= t.start < quoted.end(1)]
            if not any(i in taken for i in inside):
                unknown.append(quoted[1].lower())
        return list(dict.fromkeys(unknown))

    def _foreigners(self, tokens: list[Token], chosen: list[Match], taken: set[int]) -> set[int]:
        """Places of strangers' names in a text without capitals."""
        named = any(m.meanings[0].kind == "e" for m in chosen)
        begun = {m.first for m in chosen if m.meanings[0].kind in {"c", "d"}}
        found: set[int] = set()
        i = 0
        while i < len(tokens):
            if i in taken or not (self.foreign(tokens[i]) or self._other_firm(tokens, i)):
                i += 1
                continue
            first, i = i, i + 1
            while i < len(tokens) and i not in taken and self._namelike(tokens[i]):
                i += 1
            run = tokens[first:i]
            before = tokens[first - 1].low if first else ""
            after = tokens[i].low if i < len(tokens) else ""
            firm = any(t.low in _LEGAL or t.key in self.index.trades for t in run[1:])
            alone = not named and (first == 0 or i in begun) and before not in {"its", "their"}
            if firm or after in {"'s", "'"} or before in _BEFORE_NAME or alone:
                found.update(range(first, i))
        for place, token in enumerate(tokens):
            # ``clear view holdings``: the legal form makes ordinary words a name.
            if token.low in _LEGAL - {"co", "group"} and place not in taken | found:
                start = place
                while (
                    start > 0
                    and place - start < 4
                    and start - 1 not in taken
                    and tokens[start - 1].low.isalpha()
                    and len(tokens[start - 1].low) > 3
                ):
                    start -= 1
                if start < place:
                    found.update(range(start, place + 1))
        return found

    def _namelike(self, token: Token) -> bool:
        legal = token.low in _LEGAL or token.low == "&"
        return legal or token.key in self.index.trades or self.foreign(token)

    def _other_firm(self, tokens: list[Token], i: int) -> bool:
        """A company's first word that another trade follows: ``acme airlines``."""
        follows = tokens[i + 1].key if i + 1 < len(tokens) else ""
        return tokens[i].key in self.index.names and follows in self.index.trades
