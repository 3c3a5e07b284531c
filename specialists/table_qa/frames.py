"""The wordings of table questions, by kind. ``examples.py`` fills the slots and knows the queries.

Slots: ``$m`` ``$n`` measures · ``$e`` ``$f`` companies · ``$a`` ``$b`` earlier and later year · ``$g`` segment
· ``$s`` sector · ``$h`` a superlative · ``$w`` an aggregate. ``{plan}`` are the planner's own sentences.
"""

from __future__ import annotations

from specialists.phrasing import Phrasing, held_out

_COMMON = {
    "ask": [
        "what was",
        "what is",
        "what were",
        "how much was",
        "how high was",
        "how large was",
        "tell me",
        "give me",
        "show me",
        "find",
        "look up",
        "get",
        "i need",
        "report",
        "please state",
        "can you tell me",
        "could you give me",
        "do you know",
        "quote",
        "retrieve",
        "pull up",
    ],
    "what": [
        "$e 's $m",
        "the $m of $e",
        "$e $m",
        "$m of $e",
        "$m at $e",
        "the $m for $e",
        "$e 's reported $m",
        "$e 's total $m",
        "the $m reported by $e",
        "the $m figure of $e",
    ],
    "when": [
        "in $b",
        "for $b",
        "during $b",
        "in fiscal $b",
        "for fiscal year $b",
        "in fy$b",
        "for the year $b",
        "as of $b",
        "at the end of $b",
        "in the $b fiscal year",
        "in the year $b",
    ],
    "span": [
        "from $a to $b",
        "between $a and $b",
        "from $a through $b",
        "over $a - $b",
        "in $b versus $a",
        "in $b compared with $a",
        "in $b compared to $a",
        "$a to $b",
        "from fiscal $a to fiscal $b",
        "from fy$a to fy$b",
        "in the period $a to $b",
    ],
    "range": [
        "from $a to $b",
        "between $a and $b",
        "from $a through $b",
        "over $a - $b",
        "during $a to $b",
        "in the years $a to $b",
        "over the period $a to $b",
        "across $a to $b",
        "over the years $a through $b",
    ],
    "pct": ["percent", "percentage", "%", "per cent"],
    "change": ["change", "increase", "decrease", "growth", "decline", "rise", "drop", "move"],
    "more": ["higher", "larger", "greater", "bigger", "more"],
    "who": ["company", "firm", "business", "issuer", "corporation"],
    "all": [
        "all companies",
        "every company",
        "the companies",
        "all firms",
        "the whole universe",
        "all of them",
    ],
}


def _always(template: str) -> list[str]:
    """A template, twice as likely as others, that is never held out: spaces at its end change its hash."""
    texts = [template + " " * n for n in range(40)]
    return [t for t in texts if not held_out(t)][:2]


def _kind(name: str, root: list[str], **rules: list[str]) -> Phrasing:
    if "plan" in rules:
        root = [*_always("{plan}"), *root]
    return Phrasing(name, {**_COMMON, **rules, "root": root})


LOOKUP = _kind(
    "lookup",
    [
        "{ask} {what} {when} ?",
        "{ask} {what} {when}",
        "{when} , {ask} {what} ?",
        "how much $m did $e {have} {when} ?",
        "how much $m was {reported} by $e {when} ?",
        "$e {have} how much $m {when} ?",
        "{what} {when}",
        "{what} , {when}",
        "$b $m of $e",
        "$b $m $e",
        "$e $b $m ?",
        "$e {when} : $m",
        "what $m did $e {have} {when} ?",
        "what did $e {have} as $m {when} ?",
        "what did $e {have} in $m {when} ?",
        "how big was {what} {when} ?",
        "what was the level of {what} {when} ?",
        "what figure did $e {have} for $m {when} ?",
        "{when} what was {what} ?",
        "for $e , what was the $m {when} ?",
        "at how much did {what} stand {when} ?",
        "{what} {when} , please",
        "what value does {what} have {when} ?",
        "where did {what} {stand} {when} ?",
        "i would like to know {what} {when}",
        "how did {what} look {when} ?",
        "{what} {stood} at what level {when} ?",
        "what amount of $m did $e {have} {when} ?",
    ],
    plan=["what was the $m of $e in $b ?"],
    have=["report", "have", "record", "post", "book", "show", "make", "generate"],
    reported=["reported", "recorded", "posted", "booked"],
    stand=["stand", "land", "come in", "end up"],
    stood=["stood", "was", "came in", "landed"],
)

LATEST = _kind(
    "latest",
    [
        "{ask} {what} ?",
        "{ask} {what}",
        "how much $m does $e have ?",
        "{what} ?",
        "$e : $m",
        "what $m does $e report ?",
        "for $e , what is the $m ?",
        "how big is {what} ?",
        "i would like to know {what}",
        "what does $e show as $m ?",
    ],
)

ATTRIBUTE = _kind(
    "attribute",
    [
        "what is the $m of $e ?",
        "$m of $e ?",
        "$e 's $m ?",
        "tell me the $m of $e",
        "which $m does $e have ?",
        "what $m does $e have ?",
        "{ask} the $m of $e ?",
        "what is $e 's $m ?",
        "do you know $e 's $m ?",
        "what was $e 's $m ?",
        "$e - $m ?",
        "under which $m is $e listed ?",
        "look up $e 's $m",
        "in which $m is $e ?",
        "for $e , what is the $m ?",
    ],
    plan=["what is the $m of $e ?"],
)

DIFFERENCE = _kind(
    "difference",
    [
        "by how much did {what} {grow} {span} ?",
        "how much did {what} {grow} {span} ?",
        "{ask} the {change} in {what} {span} ?",
        "{ask} the difference in {what} {span} ?",
        "{ask} the absolute {change} in {what} {span} ?",
        "{ask} the {change} of {what} {span} in dollars ?",
        "how much {more} was {what} in $b than in $a ?",
        "how many dollars did {what} {grow} {span} ?",
        "{what} : {change} {span}",
        "{what} {span} , how large is the difference ?",
        "{what} in $b minus $a",
        "{span} , by how much did {what} {grow} ?",
        "what {change} did {what} {see} {span} ?",
        "{change} in {what} {span}",
        "{ask} the net {change} in {what} {span}",
        "how far did {what} {grow} {span} ?",
        "how much did $e add in $m {span} ?",
        "how does {what} in $b differ from $a ?",
        "{what} went from what to what {span} , and what is the difference ?",
        "did {what} {grow} {span} , and by how much ?",
    ],
    plan=["by how much did the $m of $e change from $a to $b ?"],
    grow=[
        "grow",
        "change",
        "increase",
        "rise",
        "fall",
        "decline",
        "decrease",
        "move",
        "drop",
        "go up",
        "improve",
    ],
    see=["see", "show", "record"],
)

GROWTH = _kind(
    "growth",
    [
        "by what {pct} did {what} {grow} {span} ?",
        "{ask} the {pct} {change} in {what} {span} ?",
        "{ask} the {rate} of {what} {span} ?",
        "{ask} the {rate} in {what} {span} ?",
        "how fast did {what} {grow} {span} ?",
        "how quickly did {what} {grow} {span} ?",
        "how many {pct} did {what} {grow} {span} ?",
        "how much did {what} {grow} {span} in {pct} ?",
        "how much , in {pct} terms , did {what} {grow} {span} ?",
        "{what} : {rate} {span}",
        "{rate} of {what} {span}",
        "{rate} for {what} , {span}",
        "{pct} {change} in {what} {span}",
        "{span} , by what {pct} did {what} {grow} ?",
        "{span} , how fast did {what} {grow} ?",
        "what {rate} did {what} {see} {span} ?",
        "what {pct} {more} was {what} in $b than in $a ?",
        "relative to $a , how many {pct} did {what} {grow} by $b ?",
        "in {pct} , how did {what} move {span} ?",
        "what was the yoy {rate} of {what} , $b over $a ?",
        "at what {pct} rate did {what} {grow} {span} ?",
        "{what} grew by what {pct} {span} ?",
        "how strong was the {rate} of {what} {span} ?",
        "$e {rate} in $m {span}",
        "express the {change} in {what} {span} as a {pct}",
    ],
    plan=[
        "by what percentage did the $m of $e grow from $a to $b ?",
        "by what percentage did the $m of $e grow from $a to $b ?",
    ],
    grow=["grow", "increase", "rise", "change", "fall", "decline", "decrease", "expand", "shrink"],
    rate=[
        "growth",
        "growth rate",
        "rate of growth",
        "percentage change",
        "percent change",
        "% change",
        "relative change",
        "percentage growth",
        "percentage increase",
        "percentage decrease",
    ],
    see=["see", "show", "record", "post", "have"],
)

RATIO = _kind(
    "ratio",
    [
        "{ask} the ratio of $m to $n of $e {when} ?",
        "{ask} the ratio of $m to $n for $e {when} ?",
        "{ask} $e 's ratio of $m to $n {when} ?",
        "{ask} $e 's $m to $n ratio {when} ?",
        "how many times $n was $m at $e {when} ?",
        "{ask} $m divided by $n for $e {when}",
        "divide the $m of $e by its $n {when}",
        "$m over $n , $e , {when}",
        "{when} , what was the ratio between $m and $n at $e ?",
        "ratio of $e 's $m to its $n {when}",
        "what multiple of $n was $m for $e {when} ?",
        "how does $m of $e relate to $n {when} , as a ratio ?",
        "$e {when} : ratio $m to $n",
        "how often does $m of $e cover $n {when} ?",
    ],
    plan=["what was the $m of $e divided by $n in $b , as a multiple ?"],
)

SHARE = _kind(
    "share",
    [
        "{ask} $m as a {pct} of $n for $e {when} ?",
        "{ask} $e 's $m as a {share} of $n {when} ?",
        "what {share} of $n was $m at $e {when} ?",
        "what {pct} of $e 's $n was $m {when} ?",
        "what {pct} of $n did $e {spend} as $m {when} ?",
        "how much of $e 's $n was $m {when} , in {pct} ?",
        "{when} , what {pct} of $n was $m for $e ?",
        "{ask} the share of $m in $n at $e {when} ?",
        "{ask} the {pct} of $n made up by $m at $e {when} ?",
        "express $e 's $m as a {pct} of $n {when}",
        "$m as {pct} of $n , $e , {when}",
        "$e {when} : $m as a share of $n",
        "relative to $n , how large was $m at $e {when} , in {pct} ?",
        "which {share} of $n did $m represent at $e {when} ?",
        "how large a {share} of $n is $m at $e {when} ?",
    ],
    plan=["what was the $m of $e as a percentage of $n in $b ?"],
    share=["share", "percentage", "portion", "proportion", "fraction"],
    spend=["report", "show", "keep", "record"],
)

RATIO_NAMED = _kind(
    "ratio_named",
    [
        "{ask} {what} {when} ?",
        "{ask} {what} {when}",
        "{when} , {ask} {what} ?",
        "how high was {what} {when} ?",
        "what $m did $e {have} {when} ?",
        "$m of $e {when}",
        "$e $m $b",
        "$e {when} : $m",
        "what was the level of {what} {when} ?",
        "for $e , what was the $m {when} ?",
        "{what} {when} ?",
        "compute {what} {when}",
        "calculate {what} {when}",
        "work out the $m of $e {when}",
        "where did {what} stand {when} ?",
        "what does {what} come to {when} ?",
        "how big was {what} {when} ?",
        "i would like to know {what} {when}",
    ],
    have=["have", "report", "post", "achieve", "show"],
)

RATIO_CHANGE = _kind(
    "ratio_change",
    [
        "how did {what} change {span} ?",
        "by how many percentage points did {what} {grow} {span} ?",
        "{ask} the change in {what} {span} ?",
        "how much did {what} {grow} {span} ?",
        "by how much did {what} {grow} {span} ?",
        "change in $m of $e {span}",
        "{what} : change {span}",
        "{span} , how did {what} move ?",
        "did {what} {grow} {span} , and by how much ?",
        "how many points did {what} {grow} {span} ?",
    ],
    grow=["improve", "change", "move", "fall", "rise", "increase", "expand", "widen"],
)

PLUS = _kind(
    "plus",
    [
        "{ask} the sum of $m and $n of $e {when} ?",
        "{ask} $m plus $n for $e {when} ?",
        "how much were $m and $n of $e together {when} ?",
        "add $m and $n of $e {when}",
        "{when} , what did $m and $n of $e add up to ?",
        "$m and $n combined at $e {when}",
        "$e 's $m plus $n {when}",
        "what is the total of $e 's $m and $n {when} ?",
        "$e {when} : $m plus $n",
        "how large were $e 's $m and $n combined {when} ?",
    ],
    plan=["what was the sum of the $m of $e and $n in $b ?"],
)

MINUS = _kind(
    "minus",
    [
        "{ask} $m minus $n for $e {when} ?",
        "{ask} $m less $n of $e {when} ?",
        "{ask} the difference between $m and $n at $e {when} ?",
        "by how much did $m exceed $n at $e {when} ?",
        "how much {more} was $m than $n at $e {when} ?",
        "subtract $n from $m for $e {when}",
        "{when} , what was left of $e 's $m after $n ?",
        "$e 's $m net of $n {when}",
        "$e {when} : $m less $n",
        "what remains of $e 's $m after deducting $n {when} ?",
        "{ask} the gap between $e 's $m and $n {when} ?",
    ],
    plan=["what was the $m of $e minus $n in $b ?"],
)

AVERAGE = _kind(
    "average",
    [
        "{ask} the {avg} $m of $e {range} ?",
        "{ask} $e 's {avg} $m {range} ?",
        "{avg} $m of $e {range} ?",
        "on average , how much $m did $e have {range} ?",
        "how much was {what} on average {range} ?",
        "{what} on average {range}",
        "{range} , what was {what} on average ?",
        "{range} , what was the {avg} of {what} ?",
        "what did {what} average {range} ?",
        "{ask} the {avg} of {what} {range}",
        "{avg} annual $m for $e {range}",
        "{what} : {avg} {range}",
        "$e {avg} $m {range}",
        "what was the {avg} yearly $m at $e {range} ?",
        "averaged {range} , how high was {what} ?",
        "take the {avg} of {what} {range}",
        "in an average year {range} , how large was {what} ?",
    ],
    plan=["what was the average $m of $e from $a to $b ?", "average $m of $e from $a to $b ?"],
    avg=["average", "mean", "average", "avg"],
)

SUM = _kind(
    "sum",
    [
        "{ask} the {total} $m of $e {range} ?",
        "{ask} $e 's {total} $m {range} ?",
        "{total} $m of $e {range}",
        "how much $m did $e have {intotal} {range} ?",
        "{intotal} , how much was {what} {range} ?",
        "{range} , what did {what} add up to ?",
        "add up {what} {range}",
        "sum {what} {range}",
        "{ask} the sum of {what} {range} ?",
        "what was {what} summed {range} ?",
        "how much $m did $e accumulate {range} ?",
        "{what} {intotal} {range}",
        "$e : {total} $m {range}",
        "over all years {range} , what was the {total} $m of $e ?",
    ],
    plan=[
        "what was the sum $m of $e from $a to $b ?",
        "what was the sum of the $m of $e from $a to $b ?",
    ],
    total=["total", "cumulative", "combined", "aggregate", "overall"],
    intotal=["in total", "altogether", "cumulatively", "all in all", "combined"],
)

EXTREME = _kind(
    "extreme",
    [
        "{ask} the $h $m of $e {range} ?",
        "{ask} $e 's $h $m {range} ?",
        "$h $m of $e {range}",
        "what was the $h value of {what} {range} ?",
        "{range} , what was the $h $m of $e ?",
        "what is the $h $m $e reported {range} ?",
        "{what} : $h {range}",
        "how much was {what} in its $h year {range} ?",
        "{ask} the $h level of {what} {range} ?",
        "what was the $h annual $m at $e {range} ?",
        "$e : $h $m {range} ?",
    ],
    plan=["what was the $h $m of $e from $a to $b ?"],
)

YEAR = _kind(
    "year",
    [
        "in which year was {what} $h [{range}] ?",
        "which year was {what} $h [{range}] ?",
        "in what year did $e have its $h $m [{range}] ?",
        "when was {what} $h [{range}] ?",
        "when did $e report its $h $m [{range}] ?",
        "which year saw the $h $m of $e [{range}] ?",
        "in which fiscal year did {what} reach its $h level [{range}] ?",
        "$e 's $h year for $m [{range}] ?",
        "what year was the $h for {what} [{range}] ?",
        "year with the $h $m of $e [{range}]",
        "[{range} ,] in which year was {what} $h ?",
        "name the year with the $h $m at $e [{range}]",
        "which fiscal year brought the $h $m for $e [{range}] ?",
        "of all years [{range}] , which had the $h $m for $e ?",
        "during which year did {what} come out $h [{range}] ?",
    ],
    plan=[
        "in which year was the $m of $e $h from $a to $b ?",
        "in which year was the $m of $e $h ?",
    ],
)

RANKING = _kind(
    "ranking",
    [
        "which {who} had the $h $m {when} ?",
        "who had the $h $m {when} ?",
        "which {who} {reported} the $h $m {when} ?",
        "what {who} had the $h $m {when} ?",
        "{when} , which {who} had the $h $m ?",
        "name the {who} with the $h $m {when}",
        "{who} with the $h $m {when}",
        "which {who} ranked $h by $m {when} ?",
        "of {all} , which had the $h $m {when} ?",
        "whose $m was $h {when} ?",
        "among {all} , who {reported} the $h $m {when} ?",
        "find the {who} with the $h $m {when}",
        "$h $m {when} : which {who} ?",
        "at which {who} was $m $h {when} ?",
        "by $m , which {who} came out $h {when} ?",
        "tell me which {who} {reported} the $h $m {when}",
        "show the {who} having the $h $m {when}",
        "which of {all} has the $h $m {when} ?",
        "the $h $m {when} belonged to which {who} ?",
        "which {who} leads {all} with the $h $m {when} ?",
        "rank {all} by $m {when} and name the $h",
        "who can claim the $h $m {when} ?",
    ],
    plan=["which company had the $h $m in $b ?"],
    reported=["reported", "posted", "recorded", "had", "showed", "booked"],
)

RANKING_SECTOR = _kind(
    "ranking_sector",
    [
        "which $s {who} had the $h $m {when} ?",
        "which {who} in the $s sector had the $h $m {when} ?",
        "who had the $h $m {when} in the $s sector ?",
        "in the $s sector , which {who} had the $h $m {when} ?",
        "{when} , which $s {who} {reported} the $h $m ?",
        "name the {who} with the $h $m in the $s sector {when}",
        "among $s companies , who had the $h $m {when} ?",
        "of all {who} in the $s sector , whose $m was $h {when} ?",
        "$s sector : {who} with the $h $m {when}",
        "find the $s {who} with the $h $m {when}",
        "within the $s sector , which {who} came out $h by $m {when} ?",
        "for the $s sector , who {reported} the $h $m {when} ?",
    ],
    plan=["which company in the $s sector had the $h $m in $b ?"],
    reported=["reported", "posted", "recorded", "had"],
)

RANKING_RATIO = _kind(
    "ranking_ratio",
    [
        "which {who} had the $h $m {when} ?",
        "who had the $h $m {when} ?",
        "{when} , which {who} had the $h $m ?",
        "name the {who} with the $h $m {when}",
        "which {who} ranked $h by $m {when} ?",
        "of {all} , which had the $h $m {when} ?",
        "whose $m was $h {when} ?",
        "at which {who} was the $m $h {when} ?",
        "find the {who} with the $h $m {when}",
        "by $m , which {who} came out $h {when} ?",
        "which of {all} has the $h $m {when} ?",
        "{who} with the $h $m {when}",
        "the $h $m {when} belonged to which {who} ?",
        "rank {all} by $m {when} and name the $h",
        "who can claim the $h $m {when} ?",
        "which {who} leads with the $h $m {when} ?",
    ],
    plan=["which company had the $h $m in $b ?"],
)

YEAR_RATIO = _kind(
    "year_ratio",
    [
        "in which year was {what} $h [{range}] ?",
        "which year was {what} $h [{range}] ?",
        "when was {what} $h [{range}] ?",
        "in what year did $e have its $h $m [{range}] ?",
        "which year saw the $h $m of $e [{range}] ?",
        "year with the $h $m of $e [{range}]",
        "when did $e report its $h $m [{range}] ?",
        "name the year with the $h $m at $e [{range}]",
    ],
    plan=["in which year was the $m of $e $h from $a to $b ?"],
)

ACROSS = _kind(
    "across",
    [
        "{ask} the $w $m of {all} {when} ?",
        "{ask} the $w $m across {all} {when} ?",
        "$w $m across {all} {when}",
        "{when} , what was the $w $m across {all} ?",
        "what was the $w $m among {all} {when} ?",
        "over {all} , what was the $w $m {when} ?",
        "what is the $w $m when you take {all} {when} ?",
        "taking {all} together , what was the $w $m {when} ?",
        "for {all} , give the $w $m {when}",
        "across {all} , how much is the $w $m {when} ?",
    ],
    plan=["what was the $w $m across all companies in $b ?"],
)

ACROSS_SECTOR = _kind(
    "across_sector",
    [
        "{ask} the $w $m of $s companies {when} ?",
        "{ask} the $w $m in the $s sector {when} ?",
        "$w $m of the $s sector {when}",
        "{when} , what was the $w $m across the $s sector ?",
        "what was the $w $m among $s companies {when} ?",
        "for the $s sector , what was the $w $m {when} ?",
        "$s sector : $w $m {when}",
        "across the $s sector , how much was the $w $m {when} ?",
        "taking the $s sector together , what was the $w $m {when} ?",
    ],
    plan=["what was the $w $m across all companies in the $s sector in $b ?"],
)

COMPARE = _kind(
    "compare",
    [
        "which had the $h $m {when} , $e or $f ?",
        "who had the $h $m {when} , $e or $f ?",
        "did $e or $f have the $h $m {when} ?",
        "$e or $f : whose $m was $h {when} ?",
        "between $e and $f , which had the $h $m {when} ?",
        "of $e and $f , who had the $h $m {when} ?",
        "compare $e and $f {when} : which had the $h $m ?",
        "{when} , who had the $h $m , $e or $f ?",
        "was the $m {when} $h at $e or at $f ?",
        "which of $e and $f reported the $h $m {when} ?",
        "$e versus $f : $h $m {when} ?",
        "which company had the $h $m {when} : $e or $f ?",
    ],
)

GAP = _kind(
    "gap",
    [
        "by how much did the $m of $e exceed that of $f {when} ?",
        "{ask} the difference in $m between $e and $f {when} ?",
        "how much {more} was $e 's $m than $f 's {when} ?",
        "how much more $m did $e have than $f {when} ?",
        "difference between $e and $f in $m {when}",
        "$e 's $m minus $f 's $m {when}",
        "{when} , how far was $e ahead of $f in $m ?",
        "compare the $m of $e with that of $f {when} : how large is the difference ?",
        "{ask} the gap between $e 's and $f 's $m {when} ?",
        "$e versus $f : difference in $m {when}",
    ],
    plan=["by how much did the $m of $e in $b exceed the $m of $f in $b ?"],
)

TIMES = _kind(
    "times",
    [
        "how many times $f 's $m was $e 's {when} ?",
        "{ask} the ratio of $e 's $m to $f 's {when} ?",
        "{ask} the ratio between the $m of $e and that of $f {when} ?",
        "{when} , what multiple of $f 's $m was $e 's ?",
        "$e 's $m as a multiple of $f 's {when}",
        "how many times larger was the $m of $e than that of $f {when} ?",
        "ratio of $m , $e to $f , {when}",
        "divide $e 's $m by $f 's {when}",
        "the $m of $e was how many times that of $f {when} ?",
    ],
)

SEGMENT = _kind(
    "segment",
    [
        "{ask} the $m of the $g segment of $e {when} ?",
        "{ask} the $m of $e 's $g segment {when} ?",
        "{ask} $e 's $g $m {when} ?",
        "how much $m did the $g segment of $e have {when} ?",
        "how much $m did $e make in $g {when} ?",
        "{when} , what was the $m of $e 's $g segment ?",
        "what $m did $e report for $g {when} ?",
        "$g $m at $e {when}",
        "$e $g segment $m {when}",
        "$m in the $g business of $e {when}",
        "for the $g segment of $e , what was the $m {when} ?",
        "what did the $g division of $e bring in as $m {when} ?",
        "$e {when} : $m of the $g segment",
        "how large was the $m of the $g unit at $e {when} ?",
    ],
    plan=["what was the $m of the $g segment of $e in $b ?"],
)

SEGMENT_GROWTH = _kind(
    "segment_growth",
    [
        "by what {pct} did the $m of the $g segment of $e grow {span} ?",
        "how fast did $e 's $g $m grow {span} ?",
        "{ask} the {rate} of $m in $e 's $g segment {span} ?",
        "{span} , how fast did the $g segment of $e grow in $m ?",
        "{rate} of $g $m at $e {span}",
        "what {rate} did the $m of $e 's $g business show {span} ?",
        "{pct} change in $m of the $g segment of $e {span}",
        "how many {pct} did $m in the $g segment of $e rise {span} ?",
    ],
    rate=["growth", "growth rate", "rate of growth", "percentage change"],
)

SEGMENT_SHARE = _kind(
    "segment_share",
    [
        "what {share} of $e 's $m came from $g {when} ?",
        "what {share} of $m did the $g segment {make} at $e {when} ?",
        "{ask} the share of $g in the $m of $e {when} ?",
        "how much of $e 's $m , in {pct} , came from the $g segment {when} ?",
        "{when} , what {share} of $e 's $m was $g ?",
        "$g as a {pct} of the $m of $e {when}",
        "what {pct} of the total $m of $e is due to the $g segment {when} ?",
        "how large a share of $e 's $m does $g {make} {when} ?",
        "$e : $g share of $m {when}",
        "how important was $g for the $m of $e {when} , as a {pct} ?",
    ],
    plan=["what percentage of the $m of $e was the $m of the $g segment of $e in $b ?"],
    share=["share", "percentage", "portion", "proportion", "percent"],
    make=["make up", "represent", "contribute", "account for"],
)

WHICH_SEGMENT = _kind(
    "which_segment",
    [
        "which segment of $e had the $h $m {when} ?",
        "what was the $h segment of $e by $m {when} ?",
        "{when} , which segment of $e {brought} the $h $m ?",
        "in which segment did $e have the $h $m {when} ?",
        "name the segment of $e with the $h $m {when}",
        "which $e segment {brought} the $h $m {when} ?",
        "by $m , what was the $h segment at $e {when} ?",
        "segment with the $h $m at $e {when}",
        "which segment {brought} $e the $h $m {when} ?",
        "of the segments of $e , which had the $h $m {when} ?",
    ],
    plan=["which segment of $e had the $h $m in $b ?"],
    brought=["brought", "reported", "produced", "generated"],
)

UNKNOWN = _kind(
    "unknown",
    [
        "how many $m did $e have {when} ?",
        "{ask} the $m of $e {when} ?",
        "$m of $e {when}",
        "{ask} $e 's $m {when} ?",
        "how high was the $m of $e {when} ?",
        "{when} , what was $e 's $m ?",
        "what did $e report as $m {when} ?",
        "$e {when} : $m ?",
    ],
    plan=["what was the $m of $e in $b ?"],
)

KINDS: dict[str, Phrasing] = {
    v.name: v for v in list(globals().values()) if isinstance(v, Phrasing)
}
