"""The checks around a decision: what else could have made, or undone, its verdict.

::

    variants.py       the same contest under other decoding, formats and engines: does it turn?
    seeds.py          how far training runs lie apart, and how many are needed
    lengths.py        how long replies are where they are right and where they are wrong
    diversity.py      whether several draws of one question say several things
    hardware.py       the same samples drawn again on another machine
    contamination.py  what the test shares with what was learned from
    labels.py         whether gold can be trusted: scorers that differ, questions asked twice
    audit.py          a hundred outputs read by a person
    published.py      what of other people's published gains outlives their own seeds
    page.py           all of it as ``docs/sober.md``

None of these decides. A check that finds something says so beside the verdict; a person weighs it.
After "A Sober Look at Progress in Language Model Reasoning" (Hochlehnert et al. 2025,
arXiv 2504.07086).
"""
