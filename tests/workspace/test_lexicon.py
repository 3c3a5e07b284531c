"""The lexicon's own consistency."""

from __future__ import annotations

from collections import Counter

from specialists.workspace.lexicon import fold, lexicon, words


def test_words_fold_plurals_and_lose_punctuation() -> None:
    assert words("Property, plant & equipment") == ("property", "plant", "&", "equipment")
    assert words("property, plant and equipment") == words("Property plant & equipment")
    assert words("Shareholders' equity") == words("shareholder's equity")
    assert words("other_noncurrent_assets") == ("other", "noncurrent", "asset")
    assert [fold(w) for w in ("liabilities", "sales", "gross", "us", "taxes")] == [
        "liability",
        "sale",
        "gross",
        "us",
        "taxe",
    ]


def test_no_phrase_names_two_things() -> None:
    entries = lexicon()
    owners: Counter[tuple[str, ...]] = Counter()
    for section in (entries.measures, entries.documents, entries.ratios, entries.compounds):
        for term in section.values():
            owners.update({*term.phrases, *term.also, *term.verbs})
    assert [phrase for phrase, count in owners.items() if count > 1] == []


def test_ratios_and_compounds_are_of_measures() -> None:
    entries = lexicon()
    known = entries.measures.keys() | entries.compounds.keys()
    for ratio in entries.ratios.values():
        assert {ratio.numerator, ratio.denominator} <= known
    for compound in entries.compounds.values():
        assert set(compound.parts) <= known
    nested = [c for c in entries.compounds.values() if not set(c.parts) <= entries.measures.keys()]
    assert [c.key for c in nested] == ["net_debt", "net_cash"]
    deep = {c.key for c in nested}  # parts of nothing: two levels are the most
    assert all(deep.isdisjoint((r.numerator, r.denominator)) for r in entries.ratios.values())


def test_turns_lead_from_measures_to_what_the_lexicon_holds() -> None:
    entries = lexicon()
    known = {*entries.measures, *entries.ratios, *entries.compounds}
    for turn in entries.turns:
        assert turn.measure in known
        assert turn.into in {*known, *entries.documents}


def test_every_label_is_one_of_its_own_phrases() -> None:
    entries = lexicon()
    ratios = {phrase for ratio in entries.ratios.values() for phrase in ratio.phrases}
    for term in (*entries.measures.values(), *entries.documents.values()):
        # The effective tax rate is a ratio of the tables first; documents tell it "as reported".
        assert words(term.label) in {*term.phrases, *ratios}, term.key
