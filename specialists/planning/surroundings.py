"""What surrounds a question: openings, closings, what was said before, slips, slang, case.

None of it changes what is asked. What was said before may name other companies and numbers: a
planner has to leave them out.
"""

from __future__ import annotations

import random
import re

OPENING = (
    *("hi, ", "hello, ", "hey, ", "quick question: ", "please, ", "for my report: ", "so, "),
    *("for my notes: ", "ok, ", "just wondering: ", "question: ", "hi team, ", "for the deck, "),
    *("sorry, ", "one more: ", "now, ", "hey quick one, ", "quick one: ", "morning! ", "yo, "),
    *("hi there - ", "good morning, ", "dear analyst, ", "dear team, ", "hello everyone, "),
    *("next: ", "next question: ", "also, ", "right, ", "well, ", "alright, ", "fyi i need this: "),
    *("a small one: ", "last one: ", "second question: ", "urgent: ", "asap: ", "help! ", "btw, "),
    *("out of curiosity, ", "if i may ask, ", "if possible, ", "when you have a minute: "),
    *("for the meeting: ", "for the board: ", "for a client: ", "for the memo: ", "- "),
    *("by the way, ", "one thing: ", "just one number: ", "just checking: ", "to be sure: "),
    *("let me ask: ", "my question: ", "here's one: ", "stupid question maybe, but ", "hmm, "),
    *("i'm putting together a slide and need to know ", "i'm writing a piece and want to know "),
    *("so i'm building a model and need ", "we had a debate in the team: ", "the boss asks: "),
    *("for a slide on the peer group: ", "i'm preparing for a call and need to know "),
    *("a client asked me this morning: ", "i am doing some homework here. ", "i promised to ask: "),
    *("i'm comparing a few names. ", "since you have the filings: ", "going by the tables, "),
    *("if you look at the filings, ", "looking at the data, ", "as far as you know, "),
    *("ok so ", "and ", "then ", "basically, ", "in short: ", "oh and ", "really quick: "),
)
CLOSING = (
    *(" please", " thanks", ", please", ", thanks", " thank you", " - thanks", " asap"),
    *(", if you can", " pls", " plz", " thx", ", cheers", ", many thanks", ", if possible"),
    *(", please and thank you", " (rough is fine)", " (for a slide)", ", just the number"),
    *(", number only", ", as reported", ", according to the filings", ", per the tables"),
    *(", from the data you have", ", based on the tables", ", i'm in a hurry", " - urgent"),
    *(", in one line", ", nothing else", " ok", ", will you", ", can you", ", right", ", exactly"),
    *(", as a figure", ", for the record", ", in your data", " i need it today", ", quickly"),
)
BEFORE = (
    "my boss just asked about {e}.",
    "my boss just pinged me about {e}, he is curious.",
    "i'm writing a note on {e}.",
    "i'm working on a piece about {e}.",
    "i'm putting together a slide on {e}.",
    "we have {e} in our portfolio.",
    "there was talk about {e} at lunch.",
    "i'm in a meeting about {e}.",
    "i read something about {e} the other day.",
    "so i'm looking at {e} at the moment.",
    "a client called about {e}.",
    "i cover {e}.",
    "we are about to meet the management of {e}.",
)
"""Sentences about the company that is asked about."""
ASIDE = (
    "i already have the numbers for {f}.",
    "forget about {f} for a moment.",
    "i'm done with {f}.",
    "we talked about {f} before.",
    "thanks for the figures on {f}.",
    "{f} was easy.",
    "never mind {f}.",
    "my colleague covers {f}.",
    "{f} is not what i mean.",
    "somebody told me it was {x}, but i doubt it.",
    "i have {x} in my notes, not sure it is right.",
    "my spreadsheet says {x}.",
    "it must be somewhere around {x}.",
    "i remember something like {x}.",
    "i'm preparing a presentation for monday.",
    "i'm new here, so bear with me.",
    "i'm not a finance person.",
    "i have a call in ten minutes.",
    "the market is crazy today.",
    "it's for a school project.",
    "my boss wants this by noon.",
    "we had a long debate about this.",
    "i could not find it myself.",
    "the website was down.",
    "don't explain anything, just answer.",
    "i only need one number.",
    "this is important for us.",
)
"""Sentences about something else."""
AFTER = (
    "i need it for a slide.",
    "thanks in advance.",
    "no explanation needed.",
    "just the answer please.",
    "my notes say {x}.",
    "i think it was {x}.",
    "{f} i already know.",
    "i don't need {f}.",
    "hope that makes sense.",
    "take your time.",
    "it's urgent.",
    "please double-check.",
    "round numbers are fine.",
    "i appreciate it.",
)
LEADS = (
    "i'm writing a note on {e}.",
    "about {e}:",
    "we are looking at {e}.",
    "i'm looking at {e} right now -",
    "{e}:",
    "this is about {e}.",
    "take {e},",
    "i have a question about {e}:",
    "i'm preparing a memo on {e}.",
    "let's look at {e}.",
    "regarding {e},",
    "a colleague asked about {e}.",
    "our topic is {e}.",
    "consider {e};",
    "{e} again.",
    "{e} -",
    "{e},",
    "on {e}:",
    "re {e}:",
    "as to {e},",
    "next up: {e}.",
    "let's move on to {e}.",
    "let's talk about {e}.",
    "the company is {e}.",
    "company: {e}.",
    "my company is {e}.",
    "same for {e}:",
    "now {e}:",
    "i am interested in {e}.",
    "my boss just pinged me about {e}.",
    "you know {e}, right?",
    "think of {e}.",
    "when it comes to {e},",
    "speaking of {e},",
    "with {e} in mind:",
    "i own shares of {e}.",
    "i'm thinking about {e}.",
    "we're meeting {e} tomorrow.",
    "one on {e}.",
    "for {e}:",
)
ITS = ("its", "its", "their", "the company's", "the firm's", "their", "its own", "this company's")
IT = ("it", "the company", "they", "the firm", "it", "this company", "the group")
THEN = ("in that year", "in the same year", "that year", "that same year", "then", "at that time")
_SLANG = (
    *((r"\bplease\b", "pls"), (r"\byou\b", "u"), (r"\bwhat's\b", "whats"), (r"\bare\b", "r")),
    *((r"\band\b", "&"), (r"\bthrough\b", "thru"), (r"\bwith\b", "w/"), (r"\bversus\b", "v")),
    *((r"\bhow much\b", "hw much"), (r"\bwhat\b", "wat"), (r"\bthanks\b", "thx"), ("n't", "nt")),
    *((r"\baverage\b", "avg"), (r"\bpercent\b", "pct"), (r"\bdid\b", "didd")),
    *((r"\bwhich\b", "wich"), (r"\bgrowth\b", "growht"), (r"\bcompany\b", "comapny")),
    *((r"\bcompanies\b", "companys"), (r"\byear\b", "yr"), (r"\bhighest\b", "higest")),
    *((r"\bmuch\b", "mutch"), (r"\btheir\b", "there"), (r"\bthe\b", "teh"), (r"\bhas\b", "hass")),
)


def typo(rng: random.Random, text: str) -> str:
    """The text with one slip of the finger in a longer word."""
    places = [m for m in re.finditer(r"[A-Za-z]{6,}", text)]
    if not places:
        return text
    word = rng.choice(places)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    slip = rng.randrange(3)
    if slip == 0:
        return text[:at] + text[at + 1 :]
    if slip == 1:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + text[at] + text[at:]


def slang(rng: random.Random, text: str) -> str:
    """The text with a few ordinary words written short or wrong."""
    for pattern, short in rng.sample(_SLANG, 9):
        text = re.sub(pattern, short, text, count=1)
    return text


def bare(text: str) -> str:
    """A question without its end."""
    return text.strip().rstrip("?.! ")


def dressed(rng: random.Random, text: str) -> str:
    """Openings, closings, case and punctuation as people use them."""
    text = re.sub(r"^[\s,:;–-]+", "", text)
    text = re.sub(r"\s+([,.;:?!])", r"\1", text)
    text = re.sub(r"[,:;]+(?=[,.;:?!])", "", text)
    text = re.sub(r"\(\s*\)|[\s,;:-]+$", "", text).strip()
    text = re.sub(r"\s+", " ", text)
    if rng.random() < 0.16:
        text = rng.choice(OPENING) + text
    if rng.random() < 0.1:
        end = "?" if text.endswith("?") else ""
        text = text.rstrip("?.") + rng.choice(CLOSING) + end
    if rng.random() < 0.05:
        text = typo(rng, text)
    if rng.random() < 0.05:
        text = slang(rng, text)
    draw = rng.random()
    if draw < 0.17:
        text = text.rstrip("?.")
    elif draw < 0.23:
        text = text.rstrip("?.") + rng.choice((".", "??", "!", " ?", "...", "?!", "?."))
    if rng.random() < 0.17:
        return text.lower()
    return text[:1].upper() + text[1:] if rng.random() < 0.75 else text


def within(rng: random.Random, text: str, own: str, other: str, number: str) -> str:
    """The question among sentences that ask nothing.

    Args:
        own: the company asked about; empty where there is none.
        other: a company that is not asked about; empty where none may be named.
    """
    before = [t for t in (*ASIDE, *(BEFORE if own else ())) if other or "{f}" not in t]
    after = [t for t in AFTER if other or "{f}" not in t]
    fill = {"e": own, "f": other, "x": number}
    draw = rng.random()
    lead = rng.choice(before).format(**fill) if draw < 0.75 else ""
    tail = rng.choice(after).format(**fill) if draw > 0.6 else ""
    text = text if text.rstrip().endswith(("?", ".", "!")) else f"{text}?"
    return " ".join(part for part in (lead, text, tail) if part)
