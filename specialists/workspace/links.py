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

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from specialists.foundation.contracts import Quantity
from specialists.workspace.catalogue import Catalogue, Document
from specialists.workspace.handles import Handles
from specialists.workspace.lexicon import fold, lexicon, words
from specialists.workspace.links_candidates import Candidate, Candidates
from specialists.workspace.links_index import UNHELD, LinkIndex, Meaning, Measure, RowKey
from specialists.workspace.links_measures import shared, turned, with_verbs
from specialists.workspace.links_pages import with_rows
from specialists.workspace.links_strangers import NAMED, Strangers
from specialists.workspace.links_words import SILENT, TOKEN, Match, Token, choose
from specialists.workspace.numbers import scan
from specialists.workspace.periods import NUMERALS, find_periods
from specialists.workspace.ranking import Similarity

__all__ = ["Linked", "Linker", "Measure", "Mention", "RowKey", "spaced"]

_FORMS = {
    "share": ("(", "as a share of", ")"),
    "ratio": ("(", "divided by", ")"),
    "sum": ("(", "plus", ")"),
    "difference": ("(", "minus", ")"),
}
_OWNERS = frozenset(["shareholder", "stockholder", "owner"])
_NUMERALS = {w: i for i, w in enumerate(NUMERALS, 1) if i > 1}
_RANKED = frozenset(
    [
        *("top", "bottom", "best", "worst", "largest", "biggest", "smallest", "highest", "lowest"),
        *("most", "least", "greatest", "leading", "company", "firm", "name", "business"),
        *("weakest", "strongest", "fastest", "slowest", "poorest", "richest", "worst", "cheapest"),
        *("steepest", "heaviest", "first", "businesse", "player", "stock", "issuer", "grower"),
    ]
)
_GROUPS = frozenset(["segment", "division", "unit", "sector", "industry"])


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
        self._strangers = Strangers(self.index)

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
        phrases = [turned(self.index, m, tokens) for m in self._phrases(tokens, mixed)]
        ahead = any(m.meanings[0].key.endswith("guidance") for m in phrases)
        matches, unknown = self._periods(low, tokens, ahead=int(ahead))
        matches += [m for m in phrases if not m.meanings[0].weak]
        firm = [m for m in choose(matches) if m.meanings[0].kind in {"e", "p"}]
        matches += self._partials(tokens, firm)
        chosen = self._strangers.sure(choose(matches), tokens, mixed)
        chosen = with_rows(self.index, plain, chosen, tokens)
        chosen = with_verbs(chosen, [m for m in phrases if m.meanings[0].weak], tokens)
        chosen += _numbers(plain, tokens, chosen)
        chosen = self._widened(chosen, tokens)
        for match in chosen:
            if match.meanings[0] is UNHELD:
                unknown.append(low[tokens[match.first].start : tokens[match.last - 1].end])
        chosen = [m for m in chosen if m.meanings[0].kind != "v"]
        unknown += self._strangers.names(plain, tokens, chosen, mixed)
        return self._render(text, tokens, chosen, unknown, handles)

    @cached_property
    def _candidates(self) -> Candidates:
        return Candidates(self.catalogue, self.index)

    def candidates(
        self, phrase: str, k: int = 5, similarity: Similarity | None = None
    ) -> tuple[Candidate, ...]:
        """What a phrase could mean, the likeliest first, where ``link`` finds nothing sure.

        Args:
            similarity: an encoder's, of a phrase and texts.
        """
        return self._candidates.find(phrase, k, similarity)

    # --- finding --------------------------------------------------------------------------------

    def _tokens(self, plain: str, low: str) -> list[Token]:
        tokens: list[Token] = []
        for match in TOKEN.finditer(low):
            key, sure = self.index.spell(fold(match[0]), len(match[0]))
            raw = plain[match.start() : match.end()]
            capital, upper = raw[0].isupper(), raw.isupper()
            tokens.append(Token(match.start(), match.end(), match[0], key, sure, capital, upper))
        return tokens

    def _telling(self, token: Token) -> bool:
        """A capital that is not a measure's own, as EPS and R&D have them."""
        own = token.upper and (len(token.low) == 1 or token.key in self.index.known)
        return token.capital and not own

    def _periods(
        self, low: str, tokens: list[Token], *, ahead: int
    ) -> tuple[list[Match], list[str]]:
        matches: list[Match] = []
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
            matches.append(Match(places[0], places[-1] + 1, mention.score, (meaning,)))
        return matches, unknown

    def _mended(self, low: str, tokens: list[Token]) -> tuple[str, list[tuple[int, int]]]:
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

    def _phrases(self, tokens: list[Token], mixed: bool) -> list[Match]:
        heard = [i for i, t in enumerate(tokens) if t.low not in SILENT]
        keys = [tokens[i].key for i in heard]
        matches: list[Match] = []
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
                    matches.append(Match(first, last, fit[0].score * sure, tuple(fit)))
        return [*matches, *self._parted(heard, tokens), *shared(self.index, heard, tokens, matches)]

    def _parted(self, heard: list[int], tokens: list[Token]) -> list[Match]:
        """Names written in two words: ``Kings barrow``; or in one: ``KingsbarrowTelecom``."""
        matches: list[Match] = []
        for place, i in enumerate(heard):
            one = tokens[i]
            if one.low in self.index.joined and one.sure == 1.0:
                meaning = self.index.joined[one.low]
                matches.append(Match(i, i + 1, meaning.score, (meaning,)))
            for j in heard[place + 1 : place + 2]:
                slip = self.index.slip(one.key, tokens[j].key)
                if slip is not None and one.key not in self.index.names:
                    name, last = words(str(slip.value)), j + 1
                    while last < len(tokens) and tokens[last].key in name[2:]:
                        last += 1
                    matches.append(Match(i, last, slip.score, (slip,)))
                both = tokens[i].low + tokens[j].low
                if len(both) < 7 or both not in self.index.names:
                    continue
                held = self.index.phrases.get((both,), ())
                fit = [m for m in held if m.kind == "e"]
                if fit:
                    matches.append(Match(i, j + 1, fit[0].score * 0.9, (fit[0],)))
        return matches

    def _rank(self, meaning: Meaning, tokens: list[Token], first: int, last: int) -> float:
        """Lower is likelier: a row where its noun follows, a ticker in capitals, else the score."""
        named = last < len(tokens) and tokens[last].key in NAMED
        if meaning.kind == "r" and meaning.cased and not tokens[first].capital:
            return -2.0  # it fits only where it is a row
        if meaning.kind == "r" and (named or (meaning.cased and tokens[first].capital)):
            return -2.0
        if meaning.kind == "e" and meaning.written and tokens[first].upper:
            return -2.0
        return -meaning.score

    def _fits(
        self, meaning: Meaning, tokens: list[Token], first: int, last: int, mixed: bool
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
            named = meaning.kind == "r" and after is not None and after.key in NAMED
            before = tokens[first - 1] if first else None
            strange = before is not None and self._strangers.foreign(before)
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
            if mixed and any(
                t is not None and self._strangers.stranger(t) for t in (before, after)
            ):
                return False
            if after is not None and (after.capital or not mixed):
                return not self._strangers.of_another(meaning, tokens, last)
        return True

    def _partials(self, tokens: list[Token], chosen: list[Match]) -> list[Match]:
        taken = {i for m in chosen for i in range(m.first, m.last)}
        found: list[Match] = []
        run: list[int] = []
        for i in range(len(tokens) + 1):
            if i < len(tokens) and i not in taken and tokens[i].low not in {"?", ".", ";"}:
                if tokens[i].low not in SILENT:
                    run.append(i)
                continue
            waiting = [run]
            while waiting:
                part = waiting.pop()
                hits = self.index.partial(tuple(tokens[k].key for k in part))
                if hits:
                    start, end, score, _ = hits[0]
                    rivals = tuple(h[3] for h in hits if h[0] < end and h[1] > start)
                    found.append(Match(part[start], part[end - 1] + 1, score, rivals, True))
                    waiting += [part[:start], part[end:]]
            run = []
        return found

    def _widened(self, chosen: list[Match], tokens: list[Token]) -> list[Match]:
        """Names with what belongs to them: ``Acme`` *Inc.*, ``Cloud`` *segment*; in order."""
        wide: list[Match] = []
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
                    wide[-1] = Match(wide[-1].first, last + 1, 1.0, wide[-1].meanings)
                    continue
            wide.append(Match(first, last, match.score, match.meanings))
        return wide

    # --- writing --------------------------------------------------------------------------------

    def _render(
        self,
        original: str,
        tokens: list[Token],
        chosen: list[Match],
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


def _spelled(meaning: Meaning, bound: list[str]) -> list[str]:
    """A meaning's handles, and words that join them; ``bound`` is used up from the front."""
    if meaning.parts is None or meaning.form is None:
        return [bound.pop(0)]
    left, middle, right = _FORMS[meaning.form]
    one, two = (_spelled(part, bound) for part in meaning.parts)
    return [left, *one, middle, *two, right]


def spaced(phrase: str) -> str:
    """A lower-cased phrase as it stands in ``Linked.text``."""
    return " ".join(TOKEN.findall(phrase))


def _numbers(plain: str, tokens: list[Token], chosen: list[Match]) -> list[Match]:
    """Quantities in what is left; bare years are none."""
    taken = {i for m in chosen for i in range(m.first, m.last)}
    found: list[Match] = []
    for i, token in enumerate(tokens):
        beside = {t.key for t in (*tokens[max(0, i - 1) : i], *tokens[i + 1 : i + 2])}
        if token.low in _NUMERALS and i not in taken and beside & _RANKED:
            quantity = Quantity(value=_NUMERALS[token.low])
            found.append(Match(i, i + 1, 1.0, (Meaning("n", quantity, token.low, token.low),)))
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
        found.append(Match(places[0], places[-1] + 1, 1.0, (meaning,)))
    return found
