"""The wordings of calculation questions, by kind. ``examples.py`` fills the slots and knows the programs.

Slots: ``$m`` ``$n`` measures · ``$e`` ``$f`` owners · ``$a`` ``$b`` earlier and later year ·
``$x`` ``$y`` inputs written ``$name`` · ``$w`` ``$z`` numbers as written · ``{plan}`` the planner's sentences.
"""

from __future__ import annotations

from specialists.phrasing import Phrasing, held_out

_COMMON = {
    "ask": [
        "what was",
        "what is",
        "what were",
        "calculate",
        "compute",
        "find",
        "determine",
        "give",
        "tell me",
        "work out",
        "what would be",
        "i need",
        "report",
        "state",
        "please calculate",
        "show",
        "considering the data given , what was",
        "based on the figures , what is",
    ],
    "of": ["of $e", "for $e", "at $e", "reported by $e", "of $e"],
    "whose": [
        "$e 's $m",
        "the $m of $e",
        "$m at $e",
        "$m for $e",
        "$e $m",
        "the $m reported by $e",
        "$m",
    ],
    "what": [
        "$m",
        "the $m",
        "$m",
        "total $m",
        "the $m of $e",
        "$e 's $m",
        "the amount of $m",
        "the balance of $m",
        "the company 's $m",
    ],
    "other": ["$n", "the $n", "total $n", "the $n of $e", "the amount of $n"],
    "span": [
        "from $a to $b",
        "between $a and $b",
        "from $a through $b",
        "in $b compared to $a",
        "in $b compared with $a",
        "in $b versus $a",
        "in $b relative to $a",
        "$a to $b",
        "during the period $a to $b",
        "from year-end $a to year-end $b",
        "between the years $a and $b",
        "from fiscal $a to fiscal $b",
        "over $a - $b",
        "from the end of $a to the end of $b",
    ],
    "when": [
        "in $b",
        "for $b",
        "during $b",
        "in fiscal $b",
        "for the year $b",
        "as of $b",
        "for the year ended $b",
        "at the end of $b",
        "in the year $b",
        "as of december 31 , $b",
    ],
    "pct": ["percentage", "percent", "%", "per cent"],
    "change": ["change", "increase", "decrease", "growth", "decline", "variation", "movement"],
    "rate": [
        "growth rate",
        "rate of growth",
        "rate of change",
        "rate of increase",
        "percentage growth",
        "relative change",
        "growth",
    ],
    "money": [
        "",
        "",
        "",
        ", in millions",
        "( in millions )",
        "in dollars",
        "in thousands",
        "in absolute terms",
    ],
}


def _always(template: str) -> list[str]:
    """A template, thrice as likely as others, that is never held out: spaces at its end change its hash."""
    texts = [template + " " * n for n in range(40)]
    return [t for t in texts if not held_out(t)][:3]


def _kind(name: str, root: list[str], **rules: list[str]) -> Phrasing:
    if "plan" in rules:
        root = [*_always("{plan}"), *root]
    return Phrasing(name, {**_COMMON, **rules, "root": root})


GROWTH = _kind(
    "growth",
    [
        "{ask} the {pct} {change} in {what} {span} ?",
        "{ask} the {rate} of {what} {span} ?",
        "{ask} the {rate} in {what} {span} ?",
        "by what {pct} did {what} {grow} {span} ?",
        "by how many percent did {what} {grow} {span} ?",
        "how fast did {what} grow {span} ?",
        "how much did {what} {grow} {span} , in {pct} terms ?",
        "what {pct} {change} did {what} {see} {span} ?",
        "{what} {grew} by what {pct} {span} ?",
        "in percent , how did {what} {move} {span} ?",
        "{ask} the {change} in {what} {span} as a {pct} of its $a level ?",
        "{ask} the {change} of {what} {span} in percentage terms",
        "{pct} {change} in {what} {span}",
        "{what} : {pct} {change} , {span}",
        "{whose} {grew} {span} ; by what {pct} ?",
        "relative to $a , by what {pct} had {what} {moved} in $b ?",
        "what was the year - over - year {rate} of {what} in $b ( $a as base ) ?",
        "what is the yoy {pct} {change} of {what} in $b from $a ?",
        "$b {what} is what {pct} {higher} than in $a ?",
        "what {pct} {higher} was {what} in $b than in $a ?",
        "{ask} {rate} for {what} {span}",
        "did {what} grow {span} , and by what {pct} ?",
        "considering $a and $b , {ask} the {pct} {change} observed in {what} ?",
        "{whose} {span} : what is the {rate} ?",
        "how many percent did {what} go up {span} ?",
        "expressed as a {pct} , how large was the {change} in {what} {span} ?",
        "{ask} the {pct} by which {what} {moved} {span}",
        "{what} came to $w in $b , {movedto} $z in $a . what is the {pct} {change} ?",
        "{pct} {change} of {what}",
        "{rate} of {what}",
        "{pct} {change} from $x to $y",
        "growth from $x to $y",
        "growth rate from $x to $y",
        "{ask} the {pct} {change} from $x to $y ?",
        "by what {pct} does $y exceed $x ?",
    ],
    plan=["by what percentage did the $m of $e grow from $a to $b ?"],
    grow=[
        "grow",
        "increase",
        "rise",
        "change",
        "decline",
        "fall",
        "decrease",
        "shrink",
        "expand",
        "drop",
        "improve",
    ],
    grew=["grew", "rose", "increased", "changed", "fell", "declined", "decreased", "shrank"],
    see=["see", "show", "record", "undergo", "experience", "post", "have"],
    move=["change", "move", "develop", "evolve"],
    moved=["changed", "moved", "risen", "grown", "fallen", "increased"],
    higher=["higher", "larger", "greater", "lower", "smaller"],
    movedto=["down from", "up from", "compared with", "compared to", "against", "versus"],
)

DIFFERENCE = _kind(
    "difference",
    [
        "{ask} the {change} in {what} {span} {money} ?",
        "{ask} the difference in {what} {span} {money} ?",
        "by how much did {what} {grow} {span} {money} ?",
        "how much did {what} {grow} {span} {money} ?",
        "{ask} the net change in {what} {span} ?",
        "{ask} the absolute {change} in {what} {span} ?",
        "{ask} the {change} of {what} {span} {money}",
        "how much {higher} was {what} in $b than in $a ?",
        "how much more {what} was there in $b than in $a ?",
        "{what} {span} : what is the difference ?",
        "{ask} the dollar {change} in {what} {span}",
        "{ask} the amount by which {what} {moved} {span}",
        "what {change} in {what} was {seen} {span} ?",
        "considering the years $a - $b , what is the {change} observed in {what} ?",
        "{change} in {what} , {span}",
        "difference between $b and $a {what}",
        "{what} in $b minus {what} in $a",
        "subtract {what} of $a from that of $b",
        "{what} was $w in $b , {movedto} $z in $a . how large was the {change} {money} ?",
        "{change} of {what}",
        "difference between $y and $x",
        "change from $x to $y",
        "$y minus $x",
        "{ask} the change from $x to $y ?",
        "how much more is $y than $x ?",
    ],
    plan=[
        "by how much did the $m of $e change from $a to $b ?",
        "by how much did the $m of $e in $b exceed the $m of $e in $a ?",
    ],
    grow=["grow", "increase", "rise", "change", "decline", "fall", "decrease", "go up"],
    higher=["higher", "larger", "greater", "lower"],
    moved=["changed", "moved", "rose", "increased"],
    seen=["seen", "recorded", "reported"],
    movedto=["down from", "up from", "compared with", "compared to", "against", "versus"],
)

GAP = _kind(
    "gap",
    [
        "{ask} the difference between {what} and {other} {when} {money} ?",
        "how much {more} was {what} than {other} {when} ?",
        "by how much did {what} exceed {other} {when} ?",
        "{ask} {what} less {other} {when}",
        "{ask} {what} minus {other} {when}",
        "{ask} {what} net of {other} {when} ?",
        "{ask} {what} excluding {other} {when} ?",
        "{ask} {what} after deducting {other} {when} ?",
        "what remains of {what} after {other} {when} ?",
        "subtract {other} from {what} {when}",
        "{ask} the gap between {what} and {other} {when}",
        "difference between {what} and {other} , {when}",
        "{what} exceeds {other} by how much {when} ?",
        "{when} , how much larger is {what} than {other} ?",
        "{ask} the excess of {what} over {other} {when}",
        "without {other} , what would {what} have been {when} ?",
        "difference between $x and $y",
        "$x minus $y",
        "how much higher is $x than $y ?",
        "$x less $y",
        "by how much does $x exceed $y ?",
    ],
    plan=[
        "by how much did the $m of $e in $b exceed the $n of $e in $b ?",
        "what was the $m of $e minus $n in $b ?",
        "by how much did the $m exceed the $n in $b ?",
    ],
    more=["more", "higher", "larger", "greater"],
)

GAP_OWNERS = _kind(
    "gap_owners",
    [
        "{ask} the difference in $m between $e and $f {when} {money} ?",
        "how much {more} $m did $e {have} than $f {when} ?",
        "by how much did $e 's $m exceed {that} $f {when} ?",
        "how much {higher} was the $m of $e than {that} $f {when} ?",
        "{ask} the gap in $m between $e and $f {when}",
        "$e versus $f : difference in $m {when} ?",
        "{when} , how far was $e ahead of $f in $m ?",
        "$m of $e minus $m of $f {when}",
        "compare $m of $e with {that} $f {when} : what is the difference ?",
        "difference between $e and $f $m , {when}",
        "how much did the $m of $e differ from {that} $f {when} ?",
    ],
    plan=["by how much did the $m of $e in $b exceed the $m of $f in $b ?"],
    more=["more", "higher"],
    have=["have", "report", "record", "post"],
    higher=["higher", "larger", "greater"],
    that=["that of", "the one of"],
)

RATIO = _kind(
    "ratio",
    [
        "{ask} the ratio of {what} to {other} {when} ?",
        "{ask} the ratio between {what} and {other} {when} ?",
        "{ask} the {what} to {other} ratio {when} ?",
        "how many times {other} was {what} {when} ?",
        "how many times larger than {other} is {what} {when} ?",
        "{what} {when} was how many times {other} ?",
        "{ask} {what} divided by {other} {when}",
        "divide {what} by {other} {when}",
        "{what} over {other} , {when} , as a ratio",
        "{when} , what multiple of {other} was {what} ?",
        "{ask} the multiple of {what} to {other} {when}",
        "how many times does {what} cover {other} {when} ?",
        "express {what} as a multiple of {other} {when}",
        "ratio : {what} to {other} {when}",
        "ratio of $x to $y",
        "$x divided by $y",
        "{ask} the ratio of $x to $y ?",
        "how many times $y is $x ?",
        "$x to $y ratio",
    ],
    plan=[
        "what was the $m of $e divided by $n in $b , as a multiple ?",
        "what was the $m of $e in $b divided by the $n of $e in $b , as a multiple ?",
    ],
)

RATIO_OWNERS = _kind(
    "ratio_owners",
    [
        "{ask} the ratio of $e 's $m to {that} $f {when} ?",
        "how many times {larger} was the $m of $e than {that} $f {when} ?",
        "{when} , the $m of $e was how many times {that} $f ?",
        "{ask} the ratio of $m at $e to $m at $f {when}",
        "$m ratio , $e to $f , {when}",
        "what multiple of $f 's $m is $e 's {when} ?",
        "{ask} $e 's $m divided by $f 's {when}",
        "{ask} the $m of $e as a multiple of {that} $f {when}",
    ],
    plan=["what was the $m of $e in $b divided by the $m of $f in $b , as a multiple ?"],
    larger=["larger", "higher", "greater", "bigger"],
    that=["that of", "the one of"],
)

RATIO_YEARS = _kind(
    "ratio_years",
    [
        "{ask} the ratio of {what} in $b to {what} in $a ?",
        "{ask} the ratio of $b to $a {what} ?",
        "{what} in $b was how many times the $a {figure} ?",
        "how many times the $a {figure} was {what} in $b ?",
        "{what} : ratio of $b to $a",
        "divide {what} of $b by that of $a",
        "what multiple of its $a {figure} was {what} in $b ?",
    ],
    plan=["what was the $m of $e in $b divided by the $m of $e in $a , as a multiple ?"],
    figure=["level", "figure", "value", "amount"],
)

SHARE = _kind(
    "share",
    [
        "what {pct} of {other} was {what} {when} ?",
        "what {pct} of {other} did {what} {make} {when} ?",
        "{ask} {what} as a {pct} of {other} {when} ?",
        "{ask} the {share} of {what} in {other} {when} ?",
        "what {share} of {other} {came} {what} {when} ?",
        "{what} {made} what {pct} of {other} {when} ?",
        "{ask} the {pct} of {other} that {came} {what} {when} ?",
        "how much of {other} , in percent , {came} {what} {when} ?",
        "{when} , what {pct} of {other} {came} {what} ?",
        "as a {pct} of {other} , how large was {what} {when} ?",
        "{ask} the {share} of {other} attributable to {what} {when} ?",
        "express {what} as a {pct} of {other} {when}",
        "{what} represents what {share} of {other} {when} ?",
        "{pct} of {other} {from} {what} , {when}",
        "{ask} {what} as a share of {other} {when}",
        "{ask} the contribution of {what} to {other} in percent {when} ?",
        "how large a {share} of {other} was {what} {when} ?",
        "of {other} {when} , what {pct} was {what} ?",
        "{ask} the percentage share of {what} out of {other} {when}",
        "$x as a share of $y",
        "$x as a percentage of $y",
        "what percent of $y is $x ?",
        "share of $x in $y",
        "{ask} the percentage of $y that is $x ?",
        "{what} was $w {when} , out of {other} of $z . what {pct} is that ?",
    ],
    plan=["what was the $m of $e as a percentage of $n in $b ?"],
    make=["make up", "represent", "account for", "constitute", "comprise"],
    made=["made up", "represented", "accounted for", "was"],
    share=["share", "percentage", "portion", "proportion", "percent"],
    came=["came from", "was due to", "was related to", "related to", "was associated with", "was"],
    **{"from": ["from", "related to", "due to"]},
)

SHARE_OWNERS = _kind(
    "share_owners",
    [
        "what {pct} of total $m {came} $e {when} ?",
        "{ask} the {share} of $e in total $m {when} ?",
        "{ask} $e as a {pct} of total $m {when}",
        "what {share} of the $m {came} $e {when} ?",
        "how much of total $m , in percent , {came} $e {when} ?",
        "{when} , $e {made} what {pct} of total $m ?",
        "$e 's {share} of total $m {when} ?",
        "{ask} the {share} of total $m attributable to $e {when}",
        "of total $m {when} , what {pct} was $e ?",
    ],
    share=["share", "percentage", "portion", "proportion", "percent"],
    came=["came from", "was due to", "was related to", "was from", "related to"],
    made=["made up", "represented", "accounted for", "was"],
)

AVERAGE = _kind(
    "average",
    [
        "{ask} the {avg} {what} {years} ?",
        "{ask} the {avg} of {what} {years} ?",
        "on average , how {large} was {what} {years} ?",
        "how {large} was {what} on average {years} ?",
        "{avg} {what} {years}",
        "{ask} the {avg} annual {what} {years} ?",
        "{ask} the {avg} value of {what} {years}",
        "averaged {years} , what was {what} ?",
        "what did {what} average {years} ?",
        "{years} , what was {what} on average ?",
        "take the {avg} of {what} {years}",
        "{ask} the approximate {avg} for {what} {years}",
        "{whose} : {avg} {years}",
        "{ask} the {avg} level of {what} {years}",
        "average of the values given",
        "average of $x and $y",
        "{ask} the mean of $x and $y ?",
        "mean of $x , $y",
    ],
    avg=["average", "mean", "average", "arithmetic mean"],
    large=["large", "high", "much"],
    years=["{span_of}", "{span_of}", "{list_of}"],
    span_of=[
        "from $a to $b",
        "between $a and $b",
        "over the period $a to $b",
        "during $a - $b",
        "for the years $a through $b",
        "over the $k years ended $b",
        "over the $k years",
        "for the $k year period",
    ],
    list_of=["in $l", "for $l", "over $l", "for the years $l", "during $l"],
)

SUM = _kind(
    "sum",
    [
        "{ask} the {total} {what} {years} ?",
        "{ask} the {total} of {what} {years} ?",
        "how much {what} {was} there {years} {intotal} ?",
        "{intotal} , how much was {what} {years} ?",
        "{what} {years} , {intotal} ?",
        "add up {what} {years}",
        "{ask} the sum of {what} {years}",
        "{years} , {what} {came} to how much {intotal} ?",
        "sum {what} {years}",
        "{ask} the {total} amount of {what} {years} {money} ?",
        "{ask} {what} {years} combined",
        "what did {what} total {years} ?",
        "{ask} {what} summed {years}",
        "sum of the values given",
        "sum of $x and $y",
        "$x plus $y",
        "total of $x and $y",
        "{ask} the total of $x and $y ?",
    ],
    total=["total", "combined", "cumulative", "aggregate", "overall", "sum total"],
    intotal=["in total", "altogether", "combined", "in all", "cumulatively"],
    was=["was", "were"],
    came=["came", "amounted", "added up"],
    years=["{span_of}", "{span_of}", "{list_of}"],
    span_of=[
        "from $a to $b",
        "between $a and $b",
        "over the period $a to $b",
        "during $a - $b",
        "for the years $a through $b",
        "over the $k years ended $b",
        "over the $k years",
    ],
    list_of=["in $l", "for $l", "over $l", "for the years $l"],
)

SUM_MEASURES = _kind(
    "sum_measures",
    [
        "{ask} the {total} of {what} and {other} {when} ?",
        "{ask} {what} plus {other} {when}",
        "{ask} {what} and {other} {together} {when} ?",
        "how much were {what} and {other} {together} {when} ?",
        "add {other} to {what} {when}",
        "{when} , what did {what} and {other} {come} to {together} ?",
        "{ask} the sum of {what} and {other} {when}",
        "{together} , how large were {what} and {other} {when} ?",
        "{what} + {other} {when}",
        "{ask} {what} including {other} {when} ?",
    ],
    plan=["what was the sum of the $m of $e and $n in $b ?"],
    total=["total", "combined total", "combined amount", "sum"],
    together=["together", "combined", "in total"],
    come=["come", "amount", "add up"],
)

AVERAGE_MEASURES = _kind(
    "average_measures",
    [
        "{ask} the average of {what} and {other} {when} ?",
        "{ask} the mean of {what} and {other} {when}",
        "on average , how large were {what} and {other} {when} ?",
        "average {what} and {other} {when}",
        "{when} , what is the average of {what} and {other} ?",
        "take {what} and {other} {when} : what is their mean ?",
    ],
)

EXTREME = _kind(
    "extreme",
    [
        "{ask} the $s {what} {years} ?",
        "{ask} the $s value of {what} {years} ?",
        "what was {what} at its $s {years} ?",
        "how {much} was {what} at its $s {years} ?",
        "$s {what} {years}",
        "{years} , what was the $s {what} ?",
        "what $s level did {what} reach {years} ?",
        "{whose} {years} : $s value",
    ],
    years=["from $a to $b", "between $a and $b", "over $a - $b", "for the years $a through $b"],
    much=["much", "large"],
)

CAGR = _kind(
    "cagr",
    [
        "{ask} the {cagr} of {what} {span} ?",
        "{ask} the {cagr} in {what} {span} ?",
        "at what {cagr} did {what} grow {span} ?",
        "{what} grew at what {cagr} {span} ?",
        "{cagr} of {what} {span}",
        "compounded annually , how fast did {what} grow {span} ?",
        "by what {pct} per year , compounded , did {what} grow {span} ?",
        "{whose} {span} : {cagr} ?",
        "{span} , what was the {cagr} of {what} ?",
        "annualised , how fast did {what} grow {span} ?",
        "what constant yearly rate takes {what} from its $a level to its $b level ?",
        "how fast has {what} compounded {span} ?",
        "{cagr} from $x to $y",
        "compound annual growth from $x to $y",
        "{ask} the {cagr} from $x to $y ?",
    ],
    plan=["what was the compound annual growth rate of the $m of $e from $a to $b ?"],
    cagr=[
        "cagr",
        "compound annual growth rate",
        "compound growth rate",
        "annualised growth rate",
        "annualized growth rate",
        "compounded annual growth",
        "compound annual growth",
    ],
    span=["from $a to $b", "between $a and $b", "over $a - $b", "from $a through $b", "$a to $b"],
)

COMPARE = _kind(
    "compare",
    [
        "was {what} {more} than {other} {when} ?",
        "did {what} exceed {other} {when} ?",
        "is {what} {more} than {other} {when} ?",
        "{when} , was {what} {more} than {other} ?",
        "{what} {more} than {other} {when} ?",
        "does {what} top {other} {when} ?",
        "is it true that {what} was {more} than {other} {when} ?",
        "was there more {what} than {other} {when} ?",
        "is $x {more} than $y ?",
        "does $x exceed $y ?",
    ],
    more=["greater", "higher", "larger", "more"],
)

COMPARE_YEARS = _kind(
    "compare_years",
    [
        "was {what} {more} in $b than in $a ?",
        "did {what} increase {span} ?",
        "did {what} grow {span} ?",
        "{what} in $b {more} than in $a ?",
        "has {what} risen {span} ?",
        "was {what} up {span} ?",
        "is it true that {what} rose {span} ?",
    ],
    more=["greater", "higher", "larger"],
)

GROWTH_GAP = _kind(
    "growth_gap",
    [
        "how much faster did {what} grow than {other} {span} , in percentage points ?",
        "{ask} the difference in {rate} between {what} and {other} {span} ?",
        "{ask} the difference between the {pct} change in {what} and the {pct} change in {other} {span} ?",
        "by how many percentage points did the growth of {what} exceed that of {other} {span} ?",
        "{span} , how many percentage points more did {what} grow than {other} ?",
        "growth of {what} minus growth of {other} , {span}",
        "did {what} outgrow {other} {span} , and by how many percentage points ?",
    ],
)

SHARE_CHANGE = _kind(
    "share_change",
    [
        "by how many percentage points did {what} as a share of {other} change {span} ?",
        "{ask} the change in {what} as a {pct} of {other} {span} ?",
        "how did the share of {what} in {other} change {span} , in percentage points ?",
        "{ask} the difference in {what} as a share of {other} {span} ?",
        "{span} , by how much did the {pct} of {other} from {what} move ?",
        "{what} as a percentage of {other} : change {span}",
    ],
)

PROJECT = _kind(
    "project",
    [
        "if {what} {grows} by $w , what will it be ?",
        "{what} is expected to {grow} $w from its $b level ; what would it come to ?",
        "assuming {what} {grows} $w after $b , what would it be ?",
        "{ask} {what} for the next year if it {grows} by $w from $b ?",
        "with growth of $w , what will {what} be after $b ?",
        "what would {what} be if the $b figure rose by $w ?",
        "project {what} one year beyond $b at a growth rate of $w",
        "at a growth rate of $w , where does {what} of $b end up ?",
    ],
    grows=["grows", "rises", "increases", "goes up"],
    grow=["grow", "rise", "increase"],
)

PART = _kind(
    "part",
    [
        "$w of {what} {when} {is} how much ?",
        "{ask} $w of {what} {when} ?",
        "if $w of {what} {when} {went} to taxes , how much is that ?",
        "{ask} the amount that $w of {what} {when} represents ?",
        "how much is $w of {what} {when} ?",
        "at a rate of $w on {what} {when} , how much is due ?",
        "{what} {when} times $w",
        "apply $w to {what} {when}",
    ],
    **{"is": ["is", "equals", "amounts to"]},
    went=["went", "goes"],
)

WHOLE = _kind(
    "whole",
    [
        "if {what} {when} was $w of the total , what was the total ?",
        "{what} {when} makes up $w of the total ; how much is the total ?",
        "{what} represents $w of all of it {when} . what is the whole ?",
        "{when} , {what} was $w of the total . how large was the total ?",
        "given that $w of the total is {what} {when} , what is the total ?",
        "what total does {what} {when} imply if it is $w of it ?",
    ],
)

PER_UNIT = _kind(
    "per_unit",
    [
        "{ask} {what} per {unit} {when} ?",
        "how much {what} was there per {unit} {when} ?",
        "{ask} the average {what} per {unit} {when} ?",
        "{what} per {unit} {when}",
        "per {unit} , how much was {what} {when} ?",
        "{when} , what was {what} for each {unit} ?",
        "how much {what} does each {unit} stand for {when} ?",
        "{ask} {what} for every {unit} {when}",
    ],
    unit=["$u"],
)

PART_OF = _kind(
    "part_of",
    [
        "what {pct} of the $m of $e came from the $g segment {when} ?",
        "{ask} the $g segment 's share of the $m of $e {when} ?",
        "how much of $e 's $m , in percent , did the $g segment make up {when} ?",
        "the $g segment made up what {pct} of the $m of $e {when} ?",
        "{ask} the $m of the $g segment as a {pct} of the $m of $e {when} ?",
        "{when} , what share of the $m of $e was that of the $g segment ?",
    ],
    plan=["what percentage of the $m of $e was the $m of the $g segment of $e in $b ?"],
)

LISTED = _kind(
    "listed",
    [
        "{ask} the $s of $l ?",
        "the $s of $l",
        "of $l , what is the $s ?",
        "take $l : what is the $s ?",
        "$s of $l ?",
        "given $l , {ask} the $s ?",
    ],
    plan=["what is the $s of $l ?"],
)

KINDS: dict[str, Phrasing] = {k: v for k, v in globals().items() if isinstance(v, Phrasing)}

FORMULAS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    # name in questions -> (names), (measures a, b …), program over a b …
    "gross_margin": (
        ("gross margin", "gross profit margin"),
        ("gross profit", "revenue"),
        "divide(a, b)",
    ),
    "operating_margin": (
        ("operating margin", "operating profit margin", "ebit margin"),
        ("operating income", "revenue"),
        "divide(a, b)",
    ),
    "net_margin": (
        ("net margin", "net profit margin", "profit margin", "net income margin"),
        ("net income", "revenue"),
        "divide(a, b)",
    ),
    "fcf_margin": (
        ("free cash flow margin", "fcf margin"),
        ("free cash flow", "revenue"),
        "divide(a, b)",
    ),
    "current_ratio": (
        ("current ratio",),
        ("current assets", "current liabilities"),
        "divide(a, b)",
    ),
    "debt_to_equity": (
        ("debt to equity ratio", "debt-to-equity", "leverage ratio"),
        ("total liabilities", "shareholders equity"),
        "divide(a, b)",
    ),
    "quick_ratio": (
        ("quick ratio", "acid test ratio"),
        ("current assets", "inventory", "current liabilities"),
        "subtract(a, b), divide(#0, c)",
    ),
    "cash_ratio": (
        ("cash ratio",),
        ("cash and equivalents", "current liabilities"),
        "divide(a, b)",
    ),
    "roe": (("return on equity", "roe"), ("net income", "shareholders equity"), "divide(a, b)"),
    "roa": (("return on assets", "roa"), ("net income", "total assets"), "divide(a, b)"),
    "roi": (
        ("return on investment", "roi"),
        ("gain from investment", "cost of investment"),
        "subtract(a, b), divide(#0, b)",
    ),
    "eps": (("earnings per share", "eps"), ("net income", "shares outstanding"), "divide(a, b)"),
    "pe": (
        ("price to earnings ratio", "p/e ratio"),
        ("share price", "earnings per share"),
        "divide(a, b)",
    ),
    "coverage": (
        ("interest coverage ratio", "times interest earned"),
        ("operating income", "interest expense"),
        "divide(a, b)",
    ),
    "asset_turnover": (
        ("asset turnover", "asset turnover ratio"),
        ("revenue", "total assets"),
        "divide(a, b)",
    ),
    "inventory_turnover": (
        ("inventory turnover", "inventory turnover ratio"),
        ("cost of goods sold", "average inventory"),
        "divide(a, b)",
    ),
    "receivables_turnover": (
        ("receivables turnover ratio", "accounts receivable turnover"),
        ("net credit sales", "average accounts receivable"),
        "divide(a, b)",
    ),
    "payout": (
        ("dividend payout ratio as a percentage", "payout rate"),
        ("dividends paid", "net income"),
        "divide(a, b)",
    ),
    "dividend_yield": (
        ("dividend yield",),
        ("annual dividend per share", "share price"),
        "divide(a, b)",
    ),
    "tax_rate": (
        ("effective tax rate", "tax rate"),
        ("income tax", "pretax income"),
        "divide(a, b)",
    ),
    "free_cash_flow": (
        ("free cash flow", "fcf"),
        ("operating cash flow", "capital expenditure"),
        "subtract(a, b)",
    ),
    "working_capital": (
        ("working capital", "net working capital"),
        ("current assets", "current liabilities"),
        "subtract(a, b)",
    ),
    "gross_profit": (
        ("gross profit", "gross income"),
        ("revenue", "cost of revenue"),
        "subtract(a, b)",
    ),
    "net_debt": (("net debt",), ("total debt", "cash and equivalents"), "subtract(a, b)"),
    "market_cap": (
        ("market capitalization", "market cap", "market value"),
        ("share price", "shares outstanding"),
        "multiply(a, b)",
    ),
    "ebitda": (("ebitda",), ("operating income", "depreciation and amortization"), "add(a, b)"),
    "balance_of_trade": (
        ("balance of trade", "trade balance"),
        ("exports", "imports"),
        "subtract(a, b)",
    ),
    "simple_interest": (
        ("simple interest for one year", "one year of interest"),
        ("principal", "interest rate"),
        "multiply(a, b)",
    ),
    "equity": (
        ("shareholders equity", "book value"),
        ("total assets", "total liabilities"),
        "subtract(a, b)",
    ),
    "dso": (
        ("days sales outstanding", "dso"),
        ("accounts receivable", "net credit sales"),
        "divide(a, b), multiply(#0, const_365)",
    ),
    "rd_intensity": (
        ("r&d intensity as a percentage", "r&d margin"),
        ("research and development", "revenue"),
        "divide(a, b)",
    ),
    "debt_service": (
        ("debt service coverage ratio", "dscr"),
        ("operating income", "total debt service"),
        "divide(a, b)",
    ),
    "book_per_share": (
        ("book value per share",),
        ("shareholders equity", "shares outstanding"),
        "divide(a, b)",
    ),
    "price_to_book": (
        ("price to book ratio", "p/b ratio"),
        ("share price", "book value per share"),
        "divide(a, b)",
    ),
    "ev_ebitda": (
        ("ev to ebitda ratio", "ev/ebitda ratio"),
        ("enterprise value", "ebitda"),
        "divide(a, b)",
    ),
}

FORMULA = _kind(
    "formula",
    [
        "{ask} the $o of $e {when} ?",
        "{ask} $e 's $o {when} ?",
        "{ask} the $o {when} ?",
        "{when} , what was the $o of $e ?",
        "how high was the $o {when} ?",
        "$o of $e {when}",
        "{ask} its $o",
        "what $o does $e show {when} ?",
        "find the $o for $e",
        "use the figures to give the $o",
        "$o",
        "what is the company 's $o ?",
    ],
)

RUNNING = Phrasing(
    "running",
    {
        "root": [
            "{s} of $e {was} $N2 in $b , {from} $N1 in $a .",
            "{s} {was} $N1 in $a and $N2 in $b .",
            "in $b , $e {posted} {s} of $N2 , {from} $N1 in $a .",
            "{s} for $b and $a {was} $N2 and $N1 , respectively .",
            "for the years ended december 31 , $b and $a , {s} {was} $N2 and $N1 , respectively .",
            "{s} {moved} to $N2 in $b from $N1 in $a .",
            "$e 's {s} {moved} from $N1 in $a to $N2 in $b .",
            "{s} {was} $N2 for $b compared to $N1 for $a .",
            "at december 31 , $b and $a , {s} totaled $N2 and $N1 .",
            "during $b $e had {s} of $N2 ( $a : $N1 ) .",
        ],
        "s": ["$m", "$m", "total $m", "the $m"],
        "was": ["was", "were", "amounted to", "totaled", "came to", "was approximately"],
        "from": ["down from", "up from", "compared with", "compared to", "against", "versus"],
        "posted": ["posted", "reported", "recorded", "had"],
        "moved": ["rose", "fell", "increased", "decreased", "declined", "moved"],
    },
)
