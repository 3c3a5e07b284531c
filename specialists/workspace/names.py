"""Invented company names in three pools that share no leading word: train, heldout, demo.

A leading word belongs to one pool by its hash (or by being in the demo's list), so that no name of
one pool, whole or shortened, can occur in another. Names are invented; a resemblance is chance.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from specialists.workspace.catalogue import Company

Split = Literal["train", "heldout", "demo"]

HELD_OUT_TENTHS = 3
"""Of ten leading words, so many are held out."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_HEADS = _words(
    "Al Bel Cor Dal El Far Gal Hal Ir Jor Kel Lor Mar Nor Or Pel Quin Ros Sol Tor Ul Vel Wes Xan "
    "Yor Zen Bran Cal Dren Eld Fen Grav Hes Ild Jax Kor Lum Mer Nav Ost Pryn Rad Syl Tav Umb Vor "
    "Wyn Zel"
)
_TAILS = _words(
    "dane mere tex vion lane ora well ford mont quist zar nix tera via dyne gen rix holt bury "
    "wick stead lund cair mira vane thos leaf brook castle tane"
)
_WORDS = _words(
    "Amber Anchor Apex Arbor Ashen Aspen Atlas Aurora Basalt Beacon Birch Blue Boulder Briar "
    "Bright Bronze Canyon Cardinal Cedar Cinder Clear Clover Cobalt Compass Copper Coral Crescent "
    "Crystal Cypress Delta Eagle Ebony Ember Evergreen Falcon Fern Flint Forest Frontier Garnet "
    "Glacier Golden Granite Grove Harbor Hawthorn Hazel Heritage Heron Hickory High Horizon "
    "Indigo Iron Ivory Jade Juniper Keystone Lakeside Lantern Larch Laurel Liberty Linden Lotus "
    "Lunar Magnolia Maple Marble Meadow Meridian Mesa Midland Monarch Moss Nimbus North Oakwood "
    "Obsidian Ocean Olive Onyx Opal Orchard Osprey Pacific Patriot Pebble Pine Pinnacle Pioneer "
    "Poplar Prairie Quarry Quartz Quill Raven Red Redwood River Rowan Ruby Saffron Sage Sapphire "
    "Scarlet Sequoia Shore Sierra Silver Slate Solstice Sparrow Spruce Stone Summit Sycamore "
    "Tidal Timber Topaz Trident Twin Upland Vanguard Vertex Violet Walnut Willow Winter Zenith"
)
_SECONDS = _words(
    "Bay Bridge Cape Coast Creek Crest Cross Field Fork Gate Glen Haven Hill Hollow Isle Lake "
    "Landing Ledge March Mill Park Pass Path Peak Point Pond Port Range Ridge Rock Run Shore "
    "Spring Trail Vale Valley View Vista Wave Way"
)
_SURNAMES = _words(
    "Abernathy Alderton Ashworth Atwater Bancroft Barlow Beaumont Blackwood Bradshaw Braithwaite "
    "Caldecott Carrington Chadwick Claymore Colburn Crawshaw Cromwell Dunmore Eastman Ellsworth "
    "Fairbanks Fenwick Fitzgerald Garrison Goodwin Greaves Halloran Hargrove Hathaway Hollings "
    "Huxley Ingram Jefferies Kensington Kirkland Lambert Langford Lockhart Loxley Marchetti "
    "Merriweather Montague Norwood Okafor Osterman Pemberton Prescott Quigley Ramsey Ravensdale "
    "Rothwell Sandoval Sinclair Stanhope Sutherland Thackeray Thornbury Underhill Vandermeer "
    "Wainwright Whitaker Winslow Woolsey Yardley Zimmer"
)
_LEGAL = ("", "", "", " Inc", " Corp", " Group", " Holdings", " plc", " Co")

SECTORS: dict[str, tuple[str, ...]] = {
    "Technology": ("Technologies", "Software", "Systems", "Networks", "Semiconductor", "Digital"),
    "Healthcare": ("Pharmaceuticals", "Therapeutics", "Medical", "Health", "Biosciences"),
    "Industrials": ("Industries", "Manufacturing", "Aerospace", "Engineering", "Machinery"),
    "Consumer Staples": ("Foods", "Beverages", "Brands", "Household", "Farms"),
    "Consumer Discretionary": ("Retail", "Apparel", "Stores", "Motors", "Hotels", "Leisure"),
    "Energy": ("Energy", "Petroleum", "Resources", "Renewables", "Oilfield"),
    "Materials": ("Chemicals", "Mining", "Steel", "Packaging", "Materials"),
    "Utilities": ("Power", "Utilities", "Water", "Electric", "Gas"),
    "Communications": ("Media", "Telecom", "Communications", "Wireless", "Broadcasting"),
    "Transportation": ("Logistics", "Freight", "Airlines", "Railways", "Shipping"),
}
"""Sectors, with the words that end a company's name in them."""

DEMO: tuple[tuple[str, str, str], ...] = (
    ("Aldergate Systems", "ALDG", "Technology"),
    ("Brightwater Software", "BRWS", "Technology"),
    ("Cindral Semiconductor", "CNDL", "Technology"),
    ("Deepfield Networks", "DPFN", "Technology"),
    ("Everline Digital", "EVLD", "Technology"),
    ("Fathom Cloud", "FTHM", "Technology"),
    ("Greymoor Therapeutics", "GRMT", "Healthcare"),
    ("Helixant Pharma", "HLXP", "Healthcare"),
    ("Isenbard Medical", "ISNB", "Healthcare"),
    ("Junefield Health", "JNFH", "Healthcare"),
    ("Kestrel Biosciences", "KSTB", "Healthcare"),
    ("Larkspur Diagnostics", "LKSD", "Healthcare"),
    ("Marlstone Aerospace", "MLSA", "Industrials"),
    ("Nettleton Machinery", "NTLM", "Industrials"),
    ("Ostrander Industries", "OSTR", "Industrials"),
    ("Pallister Engineering", "PLSE", "Industrials"),
    ("Quenby Tools", "QNBY", "Industrials"),
    ("Rivermark Foods", "RVMF", "Consumer Staples"),
    ("Saltbush Beverages", "SLTB", "Consumer Staples"),
    ("Thistledown Brands", "THDB", "Consumer Staples"),
    ("Umberfield Farms", "UMBF", "Consumer Staples"),
    ("Valcourt Stores", "VLCS", "Consumer Discretionary"),
    ("Wexcombe Apparel", "WXCA", "Consumer Discretionary"),
    ("Yarrow Outdoor", "YRWO", "Consumer Discretionary"),
    ("Zephyrine Hotels", "ZPHR", "Consumer Discretionary"),
    ("Ardenvale Motors", "ARDV", "Consumer Discretionary"),
    ("Blackfen Energy", "BKFE", "Energy"),
    ("Coldharbor Petroleum", "CHPT", "Energy"),
    ("Dunewind Renewables", "DNWR", "Energy"),
    ("Ennerdale Resources", "ENDR", "Energy"),
    ("Fallowmere Chemicals", "FLMC", "Materials"),
    ("Gildenhall Steel", "GLDH", "Materials"),
    ("Hartsrock Mining", "HRKM", "Materials"),
    ("Inverloch Power", "INVL", "Utilities"),
    ("Jessamine Water", "JSMW", "Utilities"),
    ("Kingsbarrow Telecom", "KBRW", "Communications"),
    ("Lumenfall Media", "LMFM", "Communications"),
    ("Mossbank Logistics", "MSBK", "Transportation"),
    ("Northgale Freight", "NGLF", "Transportation"),
    ("Oakhurst Airlines", "OKHA", "Transportation"),
)
"""The demo workspace's companies: name, ticker, sector."""

_DEMO_WORDS = frozenset(name.split()[0] for name, _, _ in DEMO)
_SPOKEN = frozenset(
    _words(
        "ALL AND ANY ARE ASK BEST BIG CASH COST DEBT EACH EPS FOR FROM GAIN HAS HIGH HOW LAST "
        "LOSS LOW MANY MORE MOST NET NEXT NOT NOW OLD ONE OUT OVER PAID PAY RISE SALE SEE SHOW "
        "SUM TAX TELL THAN THE TO TOP TOTAL TWO USD EUR GBP WAS WERE WHAT WHO YEAR YOY"
    )
)
"""Words of questions that must not be tickers."""


def split_of(word: str) -> Split:
    """The one pool a leading word belongs to."""
    if word in _DEMO_WORDS:
        return "demo"
    share = int(hashlib.sha256(word.encode()).hexdigest(), 16) % 10
    return "heldout" if share < HELD_OUT_TENTHS else "train"


@dataclass(frozen=True)
class _Pool:
    stems: tuple[str, ...]
    words: tuple[str, ...]
    surnames: tuple[str, ...]


@cache
def _pool(split: Split) -> _Pool:
    def mine(words: Sequence[str]) -> tuple[str, ...]:
        return tuple(w for w in words if split_of(w) == split)

    return _Pool(mine([h + t for h in _HEADS for t in _TAILS]), mine(_WORDS), mine(_SURNAMES))


def companies(split: Split, count: int, seed: int) -> list[Company]:
    """``count`` companies whose leading words and tickers all differ; deterministic in ``seed``.

    Raises:
        ValueError: more companies than the pool has leading words.
    """
    rng = random.Random(f"companies/{split}/{seed}")
    if split == "demo":
        chosen = list(DEMO)
        if count > len(chosen):
            raise ValueError(f"the demo pool has {len(chosen)} companies, not {count}")
        if count < len(chosen):
            chosen = rng.sample(chosen, count)
        return [_company(name, name.split()[0], ticker, sector) for name, ticker, sector in chosen]
    pool = _pool(split)
    leading = [*pool.stems, *pool.words, *pool.surnames]
    if count > len(leading):
        raise ValueError(f"the pool {split} has {len(leading)} leading words, not {count}")
    taken: set[str] = set()
    used: set[str] = set()
    made: list[Company] = []
    while len(made) < count:
        style = rng.random()
        source = pool.stems if style < 0.62 else pool.words if style < 0.87 else pool.surnames
        word = rng.choice(source)
        if word in used:
            # A pool that runs low is drawn through in order, so that this always ends.
            word = next((w for w in (*source, *leading) if w not in used), word)
        short = word
        if word in pool.words:
            short = f"{word} {rng.choice(_SECONDS)}"
        elif word in pool.surnames and rng.random() < 0.5:
            short = f"{word} & {rng.choice(pool.surnames)}"
        sector = rng.choice(tuple(SECTORS))
        ending = f" {rng.choice(SECTORS[sector])}" if rng.random() < 0.85 else ""
        name = short + ending + rng.choice(_LEGAL)
        ticker = _ticker(rng, name, taken)
        used.add(word)
        made.append(_company(name, short, ticker, sector))
    return made


def company_names(split: Split, count: int, seed: int = 0) -> list[str]:
    """The names alone of ``companies``."""
    return [c.name for c in companies(split, count, seed)]


def _company(name: str, short: str, ticker: str, sector: str) -> Company:
    aliases = (short,) if short != name else ()
    return Company(name=name, ticker=ticker, aliases=aliases, sector=sector)


def _ticker(rng: random.Random, name: str, taken: set[str]) -> str:
    letters = "".join(ch for ch in name.upper() if ch.isalpha())
    for _ in range(200):
        picked = sorted(
            rng.sample(range(1, len(letters)), min(rng.choice((2, 3, 3)), len(letters) - 1))
        )
        ticker = letters[0] + "".join(letters[i] for i in picked)
        if ticker not in taken and ticker not in _SPOKEN:
            taken.add(ticker)
            return ticker
    number = len(taken)
    ticker = letters[:2] + chr(65 + number // 26 % 26) + chr(65 + number % 26)
    taken.add(ticker)
    return ticker
