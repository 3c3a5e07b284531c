"""The linker: from a question's words to the companies, measures, rows and periods of a workspace.

``How fast did Acme's top line grow from 2019 to 2023?`` becomes
``how fast did <e1> 's <c1> grow <p1> ?``, and the handles say what they stand for. The linker does
not understand the question: which of its mentions matter, and how, is the models' business.

What the text looks like, for whoever learns from it:

- A range of years is one handle (``from 2019 to 2023``, ``since 2021``, ``over the last three
  years``); years listed or set against each other (``2022 vs 2021``) are one each.
- A ratio is told by its parts: ``gross margin`` becomes ``( <c1> as a share of <c2> )``, ``current
  ratio`` ``( <c1> divided by <c2> )``, ``total debt`` ``( <c1> plus <c2> )``; ``net debt`` is
  ``( ( <c1> plus <c2> ) minus <c3> )``.
- A verb that means a measure takes the measure's handle where its clause names none: ``what did
  Acme earn in 2022`` is ``what did <e1> <c1> in <p1>``.
- What looks like a name and is none of this workspace's, and years outside the data, stay in the
  text in lower case and are listed in ``unknown``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from specialists.foundation.contracts import Quantity
from specialists.workspace.catalogue import Catalogue, Document
from specialists.workspace.handles import Handles
from specialists.workspace.lexicon import fold, lexicon, words
from specialists.workspace.links_index import UNHELD, LinkIndex, Meaning, Measure, RowKey
from specialists.workspace.numbers import scan
from specialists.workspace.periods import NUMERALS, find_periods

__all__ = ["Linked", "Linker", "Measure", "Mention", "RowKey", "spaced"]

_TOKEN = re.compile(r"'s(?!\w)|[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]|_")
LIKELY, ROWS = 0.25, 3
"""A page's row is linked, where ranking alone finds it, from this probability on; so many at
most."""
_FORMS = {
    "share": ("(", "as a share of", ")"),
    "ratio": ("(", "divided by", ")"),
    "sum": ("(", "plus", ")"),
    "difference": ("(", "minus", ")"),
}
_BEFORE_NAME = frozenset(["of", "for", "at", "did", "does", "has", "by", "about"])
_SILENT = frozenset({",", ".", "-", "'", "(", ")", '"', "–", "—", ":", ";", "*", "_", "/", "'s"})
_LEGAL = frozenset(["inc", "corp", "plc", "ltd", "llc", "holdings", "group", "co"])
_OWNERS = frozenset(["shareholder", "stockholder", "owner"])
_NUMERALS = {w: i for i, w in enumerate(NUMERALS, 1) if i > 1}
_ASKS = frozenset(
    [
        *("how", "much", "many", "what", "which", "who", "whose", "when", "whats", "amount"),
        *("more", "most", "less", "least", "fewer", "fewest", "total", "figure", "number"),
        *("average", "compare", "higher", "lower", "highest", "lowest", "did", "does", "do"),
        *("is", "are", "was", "were", "has", "have", "where", "sum", "show", "give", "tell"),
        *("list", "count", "percentage", "share", "proportion"),
    ]
)
"""Words of which a clause holds one, if a verb of it can mean a measure."""
_OPENERS = frozenset(
    ["what", "how", "which", "who", "where", "when", "did", "does", "is", "was", "were", "tell"]
)
_JOINS = frozenset(["and", "&", "or", "vs", "versus", "minus", "less", "to", "than"])
"""Words between two measures of which the first leaves out what both end in."""
_ASKED = frozenset(["we", "i", "you", "one", "analyst", "market", "consensus"])
"""Whose expectations are no company's guidance."""
_RANKED = frozenset(
    [
        *("top", "bottom", "best", "worst", "largest", "biggest", "smallest", "highest", "lowest"),
        *("most", "least", "greatest", "leading", "company", "firm", "name", "business"),
        *("weakest", "strongest", "fastest", "slowest", "poorest", "richest", "worst", "cheapest"),
        *("steepest", "heaviest", "first", "businesse", "player", "stock", "issuer", "grower"),
    ]
)
_GROUPS = frozenset(["segment", "division", "unit", "sector", "industry"])
_NAMED = _GROUPS | {"company", fold("companies"), "firm", "name", "business", fold("businesses")}
"""Nouns that make the word before them a segment or a sector."""


@dataclass(frozen=True)
class Mention:
    """Words ``original[start:end]`` of a question, and what they mean."""

    start: int
    end: int
    text: str
    handles: tuple[str, ...]
    """One handle; two or more where a ratio is told by its parts."""
    score: float
    """1: the workspace's own words; less for typos, shortened names and partial matches."""
    candidates: tuple[tuple[str, float], ...] = ()
    """Labels and scores of the meanings considered, the chosen one first."""


@dataclass(frozen=True)
class Linked:
    """A question with its mentions replaced by handles."""

    text: str
    original: str
    handles: Handles
    mentions: tuple[Mention, ...] = ()
    unknown: tuple[str, ...] = ()
    """Lower-cased phrases that look like a company or a year and match nothing."""


@dataclass(frozen=True)
class _Token:
    start: int
    end: int
    low: str
    key: str
    """Folded and, where it was a typo, mended."""
    sure: float
    capital: bool
    upper: bool
    """All capitals."""


@dataclass(frozen=True)
class _Match:
    """Tokens ``first`` … ``last - 1`` and what they can mean, the best meaning first."""

    first: int
    last: int
    score: float
    meanings: tuple[Meaning, ...]
    partial: bool = False
    """Only some of its words are there."""

    @property
    def weight(self) -> float:
        """What it explains, in words: of overlapping matches the heavier stands."""
        length = self.last - self.first
        return length * self.score if self.partial else length


class Linker:
    """Links questions to one catalogue. Immutable; safe to share."""

    def __init__(self, catalogue: Catalogue, documents: Sequence[Document] = ()) -> None:
        """
        Args:
            documents: beside the catalogue's own; a company that only they are about is linked too.
                Their texts are not read.
        """
        self.catalogue = catalogue
        self.index = LinkIndex(catalogue, tuple(d.company for d in documents if d.company))
        self._suffixes = lexicon().suffixes - {"the", "and", "&"}

    def link(self, text: str, handles: Handles | None = None) -> Linked:
        """Replace what is known by handles.

        Args:
            text: a question or an instruction, as written.
            handles: the dialogue's handles, if it has begun; new ones are bound there.
        """
        handles = Handles() if handles is None else handles
        plain = text.replace("’", "'").replace("‘", "'")
        low = plain.lower()
        if len(low) != len(plain):  # rare letters change length when lowered
            low = "".join(c.lower() if len(c.lower()) == 1 else c for c in plain)
        tokens = self._tokens(plain, low)
        mixed = not plain.isupper() and any(map(self._telling, tokens[1:]))
        mixed = mixed or (bool(tokens) and tokens[0].upper and self._telling(tokens[0]))
        phrases = [self._turned(m, tokens) for m in self._phrases(tokens, mixed)]
        ahead = any(m.meanings[0].key.endswith("guidance") for m in phrases)
        matches, unknown = self._periods(low, tokens, ahead=int(ahead))
        matches += [m for m in phrases if not m.meanings[0].weak]
        firm = [m for m in _choose(matches) if m.meanings[0].kind in {"e", "p"}]
        matches += self._partials(tokens, firm)
        chosen = self._sure(_choose(matches), tokens, mixed)
        chosen = self._with_rows(plain, chosen, tokens)
        chosen = self._with_verbs(chosen, [m for m in phrases if m.meanings[0].weak], tokens)
        chosen += _numbers(plain, tokens, chosen)
        chosen = self._widened(chosen, tokens)
        for match in chosen:
            if match.meanings[0] is UNHELD:
                unknown.append(low[tokens[match.first].start : tokens[match.last - 1].end])
        chosen = [m for m in chosen if m.meanings[0].kind != "v"]
        unknown += self._names(plain, tokens, chosen, mixed)
        return self._render(text, tokens, chosen, unknown, handles)

    # --- finding --------------------------------------------------------------------------------

    def _tokens(self, plain: str, low: str) -> list[_Token]:
        tokens: list[_Token] = []
        for match in _TOKEN.finditer(low):
            key, sure = self.index.spell(fold(match[0]), len(match[0]))
            raw = plain[match.start() : match.end()]
            capital, upper = raw[0].isupper(), raw.isupper()
            tokens.append(_Token(match.start(), match.end(), match[0], key, sure, capital, upper))
        return tokens

    def _telling(self, token: _Token) -> bool:
        """A capital that is not a measure's own, as EPS and R&D have them."""
        own = token.upper and (len(token.low) == 1 or token.key in self.index.known)
        return token.capital and not own

    def _periods(
        self, low: str, tokens: list[_Token], *, ahead: int
    ) -> tuple[list[_Match], list[str]]:
        matches: list[_Match] = []
        unknown: list[str] = []
        low, spans = self._mended(low, tokens)
        for mention in find_periods(low, self.index.first, self.index.last, ahead=ahead):
            places = [
                i
                for i, (start, end) in enumerate(spans)
                if start < mention.end and end > mention.start
            ]
            if mention.period is None:
                unknown.append(low[mention.start : mention.end])
                continue
            label = mention.period.label
            if mention.period.first != mention.period.last:
                label = f"from {label}"
            meaning = Meaning("p", mention.period, label, label, mention.score)
            matches.append(_Match(places[0], places[-1] + 1, mention.score, (meaning,)))
        return matches, unknown

    def _mended(self, low: str, tokens: list[_Token]) -> tuple[str, list[tuple[int, int]]]:
        """The text with typos in words of time mended, and where its tokens then stand."""
        spans = [(t.start, t.end) for t in tokens]
        mended = [self.index.time_word(t.low) for t in tokens]
        if all(word is None for word in mended):
            return low, spans
        parts: list[str] = []
        moved: list[tuple[int, int]] = []
        at = length = 0
        for token, word in zip(tokens, mended, strict=True):
            gap, text = low[at : token.start], word or token.low
            parts += [gap, text]
            start = length + len(gap)
            length = start + len(text)
            moved.append((start, length))
            at = token.end
        return "".join([*parts, low[at:]]), moved

    def _phrases(self, tokens: list[_Token], mixed: bool) -> list[_Match]:
        heard = [i for i, t in enumerate(tokens) if t.low not in _SILENT]
        keys = [tokens[i].key for i in heard]
        matches: list[_Match] = []
        for start, key in enumerate(keys):
            for end in range(min(len(keys), start + self.index.longest.get(key, 0)), start, -1):
                meanings = self.index.phrases.get(tuple(keys[start:end]))
                if meanings is None:
                    continue
                first, last = heard[start + (key == "many")], heard[end - 1] + 1
                sure = min(t.sure for t in tokens[first:last])
                fit = [m for m in meanings if self._fits(m, tokens, first, last, mixed)]
                if fit:
                    fit.sort(key=lambda m: self._rank(m, tokens, first, last))
                    matches.append(_Match(first, last, fit[0].score * sure, tuple(fit)))
        return [*matches, *self._parted(heard, tokens), *self._shared(heard, tokens, matches)]

    def _shared(
        self, heard: list[int], tokens: list[_Token], matches: list[_Match]
    ) -> list[_Match]:
        """*Gross* of ``gross and operating margin``, *short* of ``short- and long-term debt``."""
        taken = {i for m in matches if m.meanings[0].kind != "v" for i in range(m.first, m.last)}
        tails: dict[int, list[tuple[str, ...]]] = {}
        for match in matches:
            if match.meanings[0].kind in {"c", "d"} and not match.meanings[0].weak:
                tail = tuple(
                    t.key for t in tokens[match.first + 1 : match.last] if t.low not in _SILENT
                )
                if tail:
                    tails.setdefault(match.first, []).append(tail)
        found: list[_Match] = []
        for place in range(len(heard) - 2, -1, -1):
            i, j = heard[place], heard[place + 1]
            joined = tokens[j].low in _JOINS and place + 2 < len(heard)
            comma = any(t.low == "," for t in tokens[i + 1 : j])
            if i in taken or not (joined or comma):
                continue
            for tail in tails.get(heard[place + 2] if joined else j, ()):
                meanings = self.index.phrases.get((tokens[i].key, *tail), ())
                fit = tuple(m for m in meanings if m.kind in {"c", "d"} and not m.weak)
                if fit:
                    found.append(_Match(i, i + 1, fit[0].score * 0.9, fit))
                    tails.setdefault(i, []).append(tail)  # ``operating, investing and …``
                    break
        return found

    def _parted(self, heard: list[int], tokens: list[_Token]) -> list[_Match]:
        """Names written in two words: ``Kings barrow``; or in one: ``KingsbarrowTelecom``."""
        matches: list[_Match] = []
        for place, i in enumerate(heard):
            one = tokens[i]
            if one.low in self.index.joined and one.sure == 1.0:
                meaning = self.index.joined[one.low]
                matches.append(_Match(i, i + 1, meaning.score, (meaning,)))
            for j in heard[place + 1 : place + 2]:
                slip = self.index.slip(one.key, tokens[j].key)
                if slip is not None and one.key not in self.index.names:
                    name, last = words(str(slip.value)), j + 1
                    while last < len(tokens) and tokens[last].key in name[2:]:
                        last += 1
                    matches.append(_Match(i, last, slip.score, (slip,)))
                both = tokens[i].low + tokens[j].low
                if len(both) < 7 or both not in self.index.names:
                    continue
                held = self.index.phrases.get((both,), ())
                fit = [m for m in held if m.kind == "e"]
                if fit:
                    matches.append(_Match(i, j + 1, fit[0].score * 0.9, (fit[0],)))
        return matches

    def _turned(self, match: _Match, tokens: list[_Token]) -> _Match:
        """*Cash* that is *burned* is free cash flow; *revenue* that is *expected*, guidance."""
        best = match.meanings[0]
        turns = self.index.turns.get(best.key, ()) if best.kind == "c" else ()
        if not turns:
            return match
        start, end = _clause(tokens, match.first)
        for triggers, into in turns:
            for i in range(start, end):
                inside = match.first <= i < match.last
                if tokens[i].key in triggers and not inside:
                    before = tokens[i - 1].key if i else ""
                    if before not in _ASKED:
                        return _Match(match.first, match.last, match.score * 0.9, (into, best))
        return match

    def _with_verbs(
        self, chosen: list[_Match], verbs: list[_Match], tokens: list[_Token]
    ) -> list[_Match]:
        """The chosen, and verbs that mean a measure where their clause has no other."""
        if not verbs:
            return chosen
        taken = {i for m in chosen for i in range(m.first, m.last)}
        free = [m for m in _choose(verbs) if taken.isdisjoint(range(m.first, m.last))]
        kept: list[_Match] = []
        for match in free:
            start, end = _clause(tokens, match.first)
            asked = any(t.key in _ASKS for t in tokens[start:end])
            named = any(
                (m.meanings[0].kind in {"c", "d"} or m.meanings[0] is UNHELD)
                and start <= m.first < end
                for m in (*chosen, *kept)
            )
            if asked and not named:
                kept.append(match)
        return sorted([*chosen, *kept], key=lambda m: m.first)

    def _rank(self, meaning: Meaning, tokens: list[_Token], first: int, last: int) -> float:
        """Lower is likelier: a row where its noun follows, a ticker in capitals, else the score."""
        named = last < len(tokens) and tokens[last].key in _NAMED
        if meaning.kind == "r" and meaning.cased and not tokens[first].capital:
            return -2.0  # it fits only where it is a row
        if meaning.kind == "r" and (named or (meaning.cased and tokens[first].capital)):
            return -2.0
        if meaning.kind == "e" and meaning.written and tokens[first].upper:
            return -2.0
        return -meaning.score

    def _fits(
        self, meaning: Meaning, tokens: list[_Token], first: int, last: int, mixed: bool
    ) -> bool:
        after = tokens[last] if last < len(tokens) else None
        inside = [t.low for t in tokens[first:last]]
        if meaning.written and "".join(inside) != meaning.written:
            return False
        if "'s" in inside[:-1] and inside[0] not in _OWNERS:
            own = meaning.kind == "e" and "'s" in str(meaning.value).lower()
            if meaning.kind != "e" or not own:
                return False
        if meaning.cased:
            named = meaning.kind == "r" and after is not None and after.key in _NAMED
            before = tokens[first - 1] if first else None
            strange = before is not None and self._foreign(before)
            if meaning.kind == "r" and not (mixed or named or strange) and after is not None:
                # All lower case: ``outlets ebit``, ``services 's revenue``.
                held = self.index.phrases.get((after.key,), ())
                named = after.low == "'s" or any(m.kind == "c" and not m.weak for m in held)
            capital = tokens[first].capital and (first > 0 or meaning.kind == "e")
            if not (named or (mixed and capital)):
                return False
            if meaning.written and not tokens[first].upper:
                return False
        if meaning.short:
            before = tokens[first - 1] if first > 0 else None
            if mixed and any(t is not None and self._stranger(t) for t in (before, after)):
                return False
            if after is not None and (after.capital or not mixed):
                return not self._of_another(meaning, tokens, last)
        return True

    def _of_another(self, meaning: Meaning, tokens: list[_Token], last: int) -> bool:
        """Whether the next word makes it another's name: ``Acme Foods`` is no ``Acme Robotics``."""
        after = tokens[last]
        if after.key not in self.index.trades and not (
            after.capital and after.key in self.index.names
        ):
            return False
        if after.key in words(str(meaning.value)) or (after.key,) in self.index.lines:
            return False
        follows = tokens[last + 1].key if last + 1 < len(tokens) else ""
        begins = (after.key, follows) in self.index.phrases or follows in _NAMED
        return not begins

    def _stranger(self, token: _Token) -> bool:
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

    def _foreign(self, token: _Token) -> bool:
        """A word that is neither ordinary nor one of this workspace's, whatever its case."""
        return (
            len(token.low) > 3
            and token.low.isalpha()
            and not self.index.is_known(token.key)
            and not self.index.is_known(token.low)
            and token.key not in self.index.names
            and (token.key,) not in self.index.phrases
        )

    def _sure(self, chosen: list[_Match], tokens: list[_Token], mixed: bool) -> list[_Match]:
        """Without words of a stranger's name: the *Stores* of ``Dalstead Stores Corp``."""
        if not mixed:
            return chosen
        kept: list[_Match] = []
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
                and self._stranger(before[0])
                and (
                    match.meanings[0].kind != "c"
                    or after[0].low == "'s"
                    or (after[0].capital and after[0].low in self._suffixes)
                )
            )
            if not part:
                kept.append(match)
        return kept

    def _partials(self, tokens: list[_Token], chosen: list[_Match]) -> list[_Match]:
        taken = {i for m in chosen for i in range(m.first, m.last)}
        found: list[_Match] = []
        run: list[int] = []
        for i in range(len(tokens) + 1):
            if i < len(tokens) and i not in taken and tokens[i].low not in {"?", ".", ";"}:
                if tokens[i].low not in _SILENT:
                    run.append(i)
                continue
            waiting = [run]
            while waiting:
                part = waiting.pop()
                hits = self.index.partial(tuple(tokens[k].key for k in part))
                if hits:
                    start, end, score, _ = hits[0]
                    rivals = tuple(h[3] for h in hits if h[0] < end and h[1] > start)
                    found.append(_Match(part[start], part[end - 1] + 1, score, rivals, True))
                    waiting += [part[:start], part[end:]]
            run = []
        return found

    def _with_rows(self, text: str, chosen: list[_Match], tokens: list[_Token]) -> list[_Match]:
        """The chosen, and the rows of a page that the question most likely means, by ranking."""
        page = self.index.page_rows
        if not page:
            return chosen
        import numpy as np

        from specialists.workspace import ranking

        scores = ranking.line_scores(text, [line for line, _ in page])
        likely = np.exp(scores - scores.max())
        likely = likely / likely.sum()
        held = {m.meanings[0].key for m in chosen}
        taken = {i for m in chosen for i in range(m.first, m.last)}
        kept = list(chosen)
        for place in np.argsort(-likely, kind="stable")[:ROWS]:
            line, meaning = page[place]
            if likely[place] < LIKELY or meaning.key in held:
                continue
            window = _window(tokens, taken, frozenset(ranking.tokens(line.text)))
            if window is not None:
                score = min(float(likely[place]), 0.9)
                kept.append(_Match(*window, score, (meaning,)))
                taken.update(range(*window))
        return sorted(kept, key=lambda m: m.first)

    def _widened(self, chosen: list[_Match], tokens: list[_Token]) -> list[_Match]:
        """Names with what belongs to them: ``Acme`` *Inc.*, ``Cloud`` *segment*; in order."""
        wide: list[_Match] = []
        for match in sorted(chosen, key=lambda m: m.first):
            if wide and match.first < wide[-1].last:
                continue  # the word went to the name before it
            kind, first, last = match.meanings[0].kind, match.first, match.last
            if kind == "e":
                sign = tokens[first - 1 : first]
                if sign and sign[0].low == "$" and sign[0].end == tokens[first].start:
                    first -= 1  # a cashtag
                begun = {m.first for m in chosen if m is not match}
                while (
                    last < len(tokens) and tokens[last].low in self._suffixes and last not in begun
                ):
                    last += 1
                form = tokens[last - 1].low in self._suffixes
                if form and last + 1 < len(tokens) and tokens[last].low == ".":
                    last += 1
            elif (
                kind == "r"
                and last < len(tokens)
                and tokens[last].key in _GROUPS
                and not any(m.first == last < m.last - 1 for m in chosen)
            ):
                last += 1
            inside = [t.low for t in tokens[match.first : last]]
            if "(" in inside and ")" not in inside and tokens[last : last + 1]:
                last += tokens[last].low == ")"
            same = wide and kind == "e" and wide[-1].meanings[0].key == match.meanings[0].key
            if same and tokens[last : last + 1] and tokens[last].low == ")":
                between = [t.low for t in tokens[wide[-1].last : first]]
                if between[:1] == ["("] and len(between) <= 3:  # ``Acme Corp (NYSE: ACME)``
                    wide[-1] = _Match(wide[-1].first, last + 1, 1.0, wide[-1].meanings)
                    continue
            wide.append(_Match(first, last, match.score, match.meanings))
        return wide

    def _names(
        self, plain: str, tokens: list[_Token], chosen: list[_Match], mixed: bool
    ) -> list[str]:
        """Phrases in the place of a name that match nothing."""
        taken = {i for m in chosen for i in range(m.first, m.last)}
        unknown: list[str] = []
        run: list[_Token] = []
        lower = set[int]() if mixed else self._foreigners(tokens, chosen, taken)
        for i, token in enumerate(tokens):
            free = i not in taken
            if mixed:
                strange = free and (
                    self._stranger(token)
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

    def _foreigners(self, tokens: list[_Token], chosen: list[_Match], taken: set[int]) -> set[int]:
        """Places of strangers' names in a text without capitals."""
        named = any(m.meanings[0].kind == "e" for m in chosen)
        begun = {m.first for m in chosen if m.meanings[0].kind in {"c", "d"}}
        found: set[int] = set()
        i = 0
        while i < len(tokens):
            if i in taken or not (self._foreign(tokens[i]) or self._other_firm(tokens, i)):
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

    def _namelike(self, token: _Token) -> bool:
        legal = token.low in _LEGAL or token.low == "&"
        return legal or token.key in self.index.trades or self._foreign(token)

    def _other_firm(self, tokens: list[_Token], i: int) -> bool:
        """A company's first word that another trade follows: ``acme airlines``."""
        follows = tokens[i + 1].key if i + 1 < len(tokens) else ""
        return tokens[i].key in self.index.names and follows in self.index.trades

    # --- writing --------------------------------------------------------------------------------

    def _render(
        self,
        original: str,
        tokens: list[_Token],
        chosen: list[_Match],
        unknown: list[str],
        handles: Handles,
    ) -> Linked:
        rows = [m.meanings[0].value for m in chosen if m.meanings[0].kind == "r"]
        names = {m.meanings[0].value for m in chosen if m.meanings[0].kind == "e"}
        tables = {table for row in rows for table in row.tables}
        pieces: list[str] = []
        mentions: list[Mention] = []
        i = 0
        for match in [*chosen, None]:
            until = len(tokens) if match is None else match.first
            pieces += [t.low for t in tokens[i:until]]
            if match is None:
                break
            best = match.meanings[0]
            parts = best.leaves()
            if any(handles.room(p.kind) < len(parts) for p in parts):
                pieces += [t.low for t in tokens[match.first : match.last]]
                i = match.last
                continue
            bound = tuple(self._bind(p, tables, names, handles) for p in parts)
            pieces += _spelled(best, list(bound))
            start, end = tokens[match.first].start, tokens[match.last - 1].end
            candidates = tuple((m.label, round(m.score, 3)) for m in match.meanings[:5])
            mentions.append(
                Mention(start, end, original[start:end], bound, round(match.score, 3), candidates)
            )
            i = match.last
        text = " ".join(pieces)
        return Linked(text, original, handles, tuple(mentions), tuple(dict.fromkeys(unknown)))

    def _bind(self, meaning: Meaning, tables: set[str], names: set[str], handles: Handles) -> str:
        value = meaning.value
        if isinstance(value, Measure):
            parts = self.index.children.get(meaning.key, ())
            options = [*value.options, *(o for o in parts if o[0] in tables)]
            owner = self.index.owner
            rank = {o: (owner[o[0]] not in names, owner[o[0]] is not None) for o in options}
            options.sort(key=lambda o: (o[0] not in tables, *rank[o]))
            value = Measure(tuple(dict.fromkeys(options)))
        return handles.bind(meaning.kind, value, meaning.label, meaning.key)


def _window(tokens: list[_Token], taken: set[int], label: frozenset[str]) -> tuple[int, int] | None:
    """The stretch of free words that holds most of a label's."""
    from specialists.workspace import ranking

    best: tuple[int, int, int] | None = None
    first = last = held = 0
    for i, token in enumerate(tokens):
        hit = i not in taken and not label.isdisjoint(ranking.tokens(token.low))
        if i in taken or (held and i - last > 2):
            held = 0
        if hit:
            first, held = (i, 1) if not held else (first, held + 1)
            last = i
            if best is None or held > best[0]:
                best = (held, first, last + 1)
    return None if best is None else best[1:]


def _spelled(meaning: Meaning, bound: list[str]) -> list[str]:
    """A meaning's handles, and words that join them; ``bound`` is used up from the front."""
    if meaning.parts is None or meaning.form is None:
        return [bound.pop(0)]
    left, middle, right = _FORMS[meaning.form]
    one, two = (_spelled(part, bound) for part in meaning.parts)
    return [left, *one, middle, *two, right]


def _clause(tokens: list[_Token], place: int) -> tuple[int, int]:
    """First and last + 1 of the words of one question: ``… , and how …`` begins another."""
    start, end = 0, len(tokens)
    for i, token in enumerate(tokens):
        following = {t.low for t in tokens[i + 1 : i + 3]}
        ends = token.low in {"?", ";"} or (
            token.low in {".", ",", "and", "but", "while", "&"} and bool(following & _OPENERS)
        )
        if ends and i < place:
            start = i + 1
        elif ends and i > place:
            return start, i
    return start, end


def spaced(phrase: str) -> str:
    """A lower-cased phrase as it stands in ``Linked.text``."""
    return " ".join(_TOKEN.findall(phrase))


def _numbers(plain: str, tokens: list[_Token], chosen: list[_Match]) -> list[_Match]:
    """Quantities in what is left; bare years are none."""
    taken = {i for m in chosen for i in range(m.first, m.last)}
    found: list[_Match] = []
    for i, token in enumerate(tokens):
        beside = {t.key for t in (*tokens[max(0, i - 1) : i], *tokens[i + 1 : i + 2])}
        if token.low in _NUMERALS and i not in taken and beside & _RANKED:
            quantity = Quantity(value=_NUMERALS[token.low])
            found.append(_Match(i, i + 1, 1.0, (Meaning("n", quantity, token.low, token.low),)))
    if not any(t.low[0].isdigit() for t in tokens):
        return found
    for number in scan(plain):
        places = [i for i, t in enumerate(tokens) if t.start < number.end and t.end > number.start]
        if number.is_year or not places or not taken.isdisjoint(places):
            continue
        after = tokens[places[-1] + 1].low if places[-1] + 1 < len(tokens) else ""
        if after == ")" and "(" not in plain[: number.start + 1]:
            continue  # an item of a list: 1) … 2) …
        meaning = Meaning("n", number.quantity, number.text, number.text)
        found.append(_Match(places[0], places[-1] + 1, 1.0, (meaning,)))
    return found


def _choose(matches: list[_Match]) -> list[_Match]:
    """Heaviest first, then surest; none overlap."""
    chosen: list[_Match] = []
    taken: set[int] = set()
    for match in sorted(matches, key=lambda m: (-m.weight, -m.score)):
        if taken.isdisjoint(range(match.first, match.last)):
            chosen.append(match)
            taken.update(range(match.first, match.last))
    return chosen
