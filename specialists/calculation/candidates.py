"""Every short program over a page's numbers, by template, with its value, as arrays.

A template is an arithmetic with places for numbers. A candidate's fit is worked out from the fits
of its pairs of numbers (``channels``), so that ``(a + b) / c`` needs no weights of its own: ``a``
and ``b`` must suit a sum, each must suit a division by ``c``. Percentages enter products and
quotients as fractions; sums and differences of them stay in percent points unless the template
says otherwise.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from specialists.calculation.page import Number, Page, years

CHANNELS = (
    "divide",
    "subtract",
    "growth",
    "multiply",
    "add",
    "average",
    "greater",
    "lookup",
    "backwards",
    "extreme",
    "index",
)
"""What a pair (for ``lookup`` and ``index`` a number with itself) can be fit for."""
_C = {name: i for i, name in enumerate(CHANNELS)}

TEMPLATES = (
    "divide(a, b)",
    "subtract(a, b)",
    "subtract(a, b), divide(#0, b)",
    "multiply(a, b)",
    "add(a, b)",
    "average(a, b)",
    "greater(a, b)",
    "lookup(a)",
    "subtract(a, b), divide(#0, a)",
    "fraction subtract(a, b)",
    "fraction average(a, b)",
    "add(a, b), divide(a, #0)",
    "add(a, b), divide(#0, c)",
    "add(a, b), divide(c, #0)",
    "subtract(a, b), divide(#0, c)",
    "add(a, b), subtract(#0, c)",
    "add(a, b), subtract(c, #0)",
    "multiply(a, b), divide(#0, c)",
    "multiply(a, b), multiply(#0, c)",
    "growth(a, b), growth(c, d), subtract(#0, #1)",
    "divide(a, b), divide(c, d), subtract(#0, #1)",
    "multiply(a, b), multiply(c, d), add(#0, #1)",
    "subtract(a, const_100), divide(#0, const_100)",
    "subtract(a, const_100)",
    "sum of a set",
    "average of a set",
    "maximum of a set",
    "minimum of a set",
    "add(const_1, b), multiply(a, #0)",
    "subtract(const_1, b), multiply(a, #0)",
    "multiply(a, const_1000)",
    "divide(a, const_1000)",
    "multiply(a, const_1000000)",
    "divide(a, const_1000000)",
    "multiply(a, b), divide(#0, const_1000)",
    "add(a, b), add(#0, c)",
    "add(a, b), add(#0, c), divide(#1, const_3)",
    "growth of a sum",
    "divide(a, b), multiply(#0, const_1000)",
    "divide(a, b), multiply(#0, const_1000000)",
    "divide(a, const_2)",
    "subtract(a, b), divide(#0, const_100)",
    "fraction average of a set",
    "cagr(a, b)",
)
RATIOS = tuple(
    name
    for name in TEMPLATES
    if (name.startswith(("divide(a, b)", "growth", "cagr")) and "multiply" not in name)
    or any(end in name for end in ("divide(#0, a)", "divide(#0, b)", "divide(#0, c)"))
    or any(end in name for end in ("divide(a, #0)", "divide(c, #0)", "fraction"))
)
"""Templates whose value is a fraction that may be told in percent."""
_T = {name: i for i, name in enumerate(TEMPLATES)}

_YES_NO = re.compile(
    r"^\s*(?:in |during |for |as of )?.{0,60}?\b(?:did|do|does|was|were|is|are|has|have|had|could|"
    r"would|will|can)\b|\b(?:larger|bigger|greater|higher|lower|smaller|exceed\w*|above|below|true)\b",
    re.IGNORECASE,
)

TERMS = 6
"""Pairs that a candidate's fit is made of, at most."""
TRIPLES = 14
"""Numbers that take part in programs of three, at most."""
MEMBERS = 12
"""Numbers of a set, at most."""
RESULT = 12
"""Features of a result."""


@dataclass
class Candidates:
    """``C`` candidates of one page."""

    template: NDArray[np.int16]
    value: NDArray[np.float64]
    """``nan`` never; for ``greater`` 1 is yes and 0 no."""
    terms: NDArray[np.int32]
    """[C, TERMS]: index of (first, second, channel) in the page's n × n × channels fits."""
    weights: NDArray[np.float32]
    """[C, TERMS]: what each counts."""
    result: NDArray[np.float32]
    """[C, RESULT]: how the value and the set look."""
    args: NDArray[np.int16]
    """[C, MEMBERS]: indices of numbers, by the template's letters; -1 fills up."""

    def numbers(self, candidate: int) -> tuple[int, ...]:
        """The indices of a candidate's numbers."""
        return tuple(int(i) for i in self.args[candidate] if i >= 0)

    def only(self, kept: NDArray[np.intp]) -> Candidates:
        """Some of them."""
        return Candidates(
            self.template[kept],
            self.value[kept],
            self.terms[kept],
            self.weights[kept],
            self.result[kept],
            self.args[kept],
        )


@dataclass
class _Making:
    n: int
    template: list[NDArray[np.int16]] = field(default_factory=list[NDArray[np.int16]])
    value: list[NDArray[np.float64]] = field(default_factory=list[NDArray[np.float64]])
    terms: list[NDArray[np.int32]] = field(default_factory=list[NDArray[np.int32]])
    weights: list[NDArray[np.float32]] = field(default_factory=list[NDArray[np.float32]])
    sets: list[NDArray[np.float32]] = field(default_factory=list[NDArray[np.float32]])
    args: list[NDArray[np.int16]] = field(default_factory=list[NDArray[np.int16]])

    def put(
        self,
        template: str,
        value: NDArray[np.float64],
        args: NDArray[np.int64],
        *parts: tuple[str, int, int, float],
    ) -> None:
        """Candidates of one template: ``args`` [k, arity]; parts name a channel, two letters by
        their place, and a weight."""
        good = np.isfinite(value) & (np.abs(value) < 1e15)
        value, args = value[good], args[good]
        count = len(value)
        if not count:
            return
        terms = np.zeros((count, TERMS), np.int32)
        weights = np.zeros((count, TERMS), np.float32)
        for k, (channel, i, j, weight) in enumerate(parts):
            terms[:, k] = (args[:, i] * self.n + args[:, j]) * len(CHANNELS) + _C[channel]
            weights[:, k] = weight
        self.template.append(np.full(count, _T[template], np.int16))
        self.value.append(value.astype(np.float64))
        self.terms.append(terms)
        self.weights.append(weights)
        self.sets.append(np.zeros((count, 6), np.float32))
        self.args.append(_filled(args))

    def put_set(
        self, template: str, value: float, members: Sequence[int], channel: str, shape: list[float]
    ) -> None:
        """A candidate over a set: the fits of its neighbours and of its ends, averaged."""
        pairs = list(itertools.pairwise(members))
        if len(members) > 2:
            pairs.append((members[0], members[-1]))
        pairs = pairs[:TERMS]
        terms = np.zeros((1, TERMS), np.int32)
        weights = np.zeros((1, TERMS), np.float32)
        for k, (i, j) in enumerate(pairs):
            terms[0, k] = (i * self.n + j) * len(CHANNELS) + _C[channel]
            weights[0, k] = 1.5 / len(pairs)
        self.template.append(np.array([_T[template]], np.int16))
        self.value.append(np.array([value], np.float64))
        self.terms.append(terms)
        self.weights.append(weights)
        self.sets.append(np.array([shape], np.float32))
        self.args.append(_filled(np.array([members], np.int64)))


def of(page: Page, asks: str = "calculation", leading: Sequence[int] | None = None) -> Candidates:
    """The candidates over a page's numbers.

    Args:
        asks: ``calculation`` where some arithmetic is certain; ``any`` where a number of the page
            may itself be the answer.
        leading: numbers that take part in programs of three, at most ``TRIPLES``; by default the
            first ones.
    """
    numbers = page.numbers
    n = len(numbers)
    making = _Making(n)
    if n:
        with np.errstate(all="ignore"):
            _pairs(making, numbers, page.question)
            _single(making, numbers, asks)
            _triples(making, numbers, sorted(range(n) if leading is None else leading))
            _quads(making, numbers)
        _sets(making, page)
    if not making.template:
        empty = np.zeros((0,), np.float64)
        return Candidates(
            empty.astype(np.int16),
            empty,
            np.zeros((0, TERMS), np.int32),
            np.zeros((0, TERMS), np.float32),
            np.zeros((0, RESULT), np.float32),
            np.zeros((0, MEMBERS), np.int16),
        )
    value = np.concatenate(making.value)
    return Candidates(
        np.concatenate(making.template),
        value,
        np.concatenate(making.terms),
        np.concatenate(making.weights),
        _looks(value, np.concatenate(making.sets)),
        np.concatenate(making.args),
    )


def _filled(args: NDArray[np.int64]) -> NDArray[np.int16]:
    rest = np.full((len(args), MEMBERS - args.shape[1]), -1, np.int16)
    return np.concatenate([args.astype(np.int16), rest], 1)


def _looks(value: NDArray[np.float64], sets: NDArray[np.float32]) -> NDArray[np.float32]:
    size = np.abs(value)
    looks = [
        (size > 0) & (size <= 1),
        (size > 1) & (size <= 10),
        (size > 100),
        value < 0,
        value == 0,
        size < 0.005,
    ]
    return np.concatenate([np.stack(looks, 1).astype(np.float32), sets], 1)


def _values(numbers: Sequence[Number]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As written, and with percentages as fractions."""
    written = np.array([x.value for x in numbers], np.float64)
    fraction = np.where([x.percent for x in numbers], written / 100.0, written)
    return written, fraction


def _pairs(making: _Making, numbers: Sequence[Number], question: str) -> None:
    n = making.n
    v, f = _values(numbers)
    percent = np.array([x.percent for x in numbers], bool)
    ordered = np.array(list(itertools.permutations(range(n), 2)), np.int64).reshape(-1, 2)
    ordered = ordered[v[ordered[:, 0]] != v[ordered[:, 1]]]
    once = ordered[ordered[:, 0] < ordered[:, 1]]
    i, j = ordered.T
    both = percent[i] & percent[j]
    mixed = percent[i] ^ percent[j]
    making.put("divide(a, b)", f[i] / f[j], ordered, ("divide", 0, 1, 1))
    same = ordered[~mixed]
    a, b = same.T
    making.put("subtract(a, b)", v[a] - v[b], same, ("subtract", 0, 1, 1))
    change = (v[a] - v[b]) / v[b]
    making.put("subtract(a, b), divide(#0, b)", change, same, ("growth", 0, 1, 1))
    year = np.array([x.years[-1] if x.years else 0 for x in numbers])
    apart = same[(year[a] > year[b]) & (year[b] > 0) & (v[a] * v[b] > 0)]
    later, earlier = apart.T
    yearly = (v[later] / v[earlier]) ** (1.0 / (year[later] - year[earlier])) - 1.0
    making.put("cagr(a, b)", yearly, apart, ("growth", 0, 1, 1))
    back = (v[a] - v[b]) / v[a]
    making.put("subtract(a, b), divide(#0, a)", back, same, ("backwards", 0, 1, 1))
    points = ordered[both]
    a, b = points.T
    making.put("fraction subtract(a, b)", f[a] - f[b], points, ("subtract", 0, 1, 1))
    a, b = once.T
    making.put("multiply(a, b)", f[a] * f[b], once, ("multiply", 0, 1, 1))
    making.put(
        "multiply(a, b), divide(#0, const_1000)", f[a] * f[b] / 1e3, once, ("multiply", 0, 1, 1)
    )
    alike = once[percent[a] == percent[b]]
    a, b = alike.T
    making.put("add(a, b)", v[a] + v[b], alike, ("add", 0, 1, 1))
    making.put("average(a, b)", (v[a] + v[b]) / 2, alike, ("average", 0, 1, 1))
    points = alike[percent[a]]
    a, b = points.T
    making.put("fraction average(a, b)", (f[a] + f[b]) / 2, points, ("average", 0, 1, 1))
    a, b = same.T
    making.put(
        "add(a, b), divide(a, #0)",
        v[a] / (v[a] + v[b]),
        same,
        ("divide", 0, 1, 0.5),
        ("add", 0, 1, 0.5),
    )
    making.put(
        "subtract(a, b), divide(#0, const_100)", (v[a] - v[b]) / 100, same, ("subtract", 0, 1, 1)
    )
    making.put(
        "divide(a, b), multiply(#0, const_1000)", f[i] / f[j] * 1e3, ordered, ("divide", 0, 1, 1)
    )
    making.put(
        "divide(a, b), multiply(#0, const_1000000)", f[i] / f[j] * 1e6, ordered, ("divide", 0, 1, 1)
    )
    if _YES_NO.search(question):
        a, b = same.T
        making.put("greater(a, b)", (v[a] > v[b]).astype(float), same, ("greater", 0, 1, 1))
    rates = ordered[percent[j] & ~percent[i]]
    a, b = rates.T
    making.put("add(const_1, b), multiply(a, #0)", v[a] * (1 + f[b]), rates, ("multiply", 0, 1, 1))
    making.put(
        "subtract(const_1, b), multiply(a, #0)", v[a] * (1 - f[b]), rates, ("multiply", 0, 1, 1)
    )


def _single(making: _Making, numbers: Sequence[Number], asks: str) -> None:
    v, _ = _values(numbers)
    one = np.arange(making.n, dtype=np.int64)[:, None]
    if asks == "any":
        making.put("lookup(a)", v, one, ("lookup", 0, 0, 1))
    plain = one[[not x.percent for x in numbers]]
    w = v[plain[:, 0]]
    making.put("multiply(a, const_1000)", w * 1e3, plain, ("lookup", 0, 0, 1))
    making.put("divide(a, const_1000)", w / 1e3, plain, ("lookup", 0, 0, 1))
    making.put("multiply(a, const_1000000)", w * 1e6, plain, ("lookup", 0, 0, 1))
    making.put("divide(a, const_1000000)", w / 1e6, plain, ("lookup", 0, 0, 1))
    making.put("divide(a, const_2)", w / 2, plain, ("lookup", 0, 0, 1))
    near = plain[(np.abs(w) > 5) & (np.abs(w) < 2000)]
    w = v[near[:, 0]]
    made = (w - 100) / 100
    making.put("subtract(a, const_100), divide(#0, const_100)", made, near, ("index", 0, 0, 1))
    making.put("subtract(a, const_100)", w - 100, near, ("index", 0, 0, 1))


def _triples(making: _Making, numbers: Sequence[Number], leading: Sequence[int]) -> None:
    v, f = _values(numbers)
    chosen = sorted(leading[:TRIPLES])
    n = len(chosen)
    if n < 3:
        return
    percent = np.array([x.percent for x in numbers], bool)
    close = np.array([[_near(x, y) for y in numbers] for x in numbers], bool)
    every = np.array(list(itertools.permutations(chosen, 3)), np.int64)
    a, b, _ = every.T
    every = every[(close[a, b] | (n <= 8)) & (percent[a] == percent[b])]
    half = every[every[:, 0] < every[:, 1]]
    a, b, c = half.T
    pair = ("add", 0, 1, 0.7)
    making.put(
        "add(a, b), divide(#0, c)",
        (f[a] + f[b]) / f[c],
        half,
        pair,
        ("divide", 0, 2, 0.5),
        ("divide", 1, 2, 0.5),
    )
    making.put(
        "add(a, b), divide(c, #0)",
        f[c] / (f[a] + f[b]),
        half,
        pair,
        ("divide", 2, 0, 0.5),
        ("divide", 2, 1, 0.5),
    )
    alike = half[percent[half[:, 0]] == percent[half[:, 2]]]
    a, b, c = alike.T
    making.put(
        "add(a, b), subtract(#0, c)",
        v[a] + v[b] - v[c],
        alike,
        pair,
        ("subtract", 0, 2, 0.5),
        ("subtract", 1, 2, 0.5),
    )
    making.put(
        "add(a, b), subtract(c, #0)",
        v[c] - v[a] - v[b],
        alike,
        pair,
        ("subtract", 2, 0, 0.5),
        ("subtract", 2, 1, 0.5),
    )
    a, b, c = every.T
    making.put(
        "subtract(a, b), divide(#0, c)",
        (f[a] - f[b]) / f[c],
        every,
        ("subtract", 0, 1, 0.7),
        ("divide", 0, 2, 0.5),
        ("divide", 1, 2, 0.5),
    )
    loose = np.array([t for t in itertools.permutations(chosen, 3) if t[0] < t[1]], np.int64)
    if n <= 10:
        a, b, c = loose.T
        making.put(
            "multiply(a, b), divide(#0, c)",
            f[a] * f[b] / f[c],
            loose,
            ("multiply", 0, 1, 0.7),
            ("divide", 0, 2, 0.5),
        )
        thrice = loose[loose[:, 1] < loose[:, 2]]
        a, b, c = thrice.T
        making.put(
            "multiply(a, b), multiply(#0, c)",
            f[a] * f[b] * f[c],
            thrice,
            ("multiply", 0, 1, 0.5),
            ("multiply", 0, 2, 0.5),
            ("multiply", 1, 2, 0.5),
        )
    thrice = half[(half[:, 1] < half[:, 2]) & (percent[half[:, 0]] == percent[half[:, 2]])]
    a, b, c = thrice.T
    sums = [("add", 0, 1, 0.5), ("add", 0, 2, 0.5), ("add", 1, 2, 0.5)]
    making.put("add(a, b), add(#0, c)", v[a] + v[b] + v[c], thrice, *sums)
    means = [("average", i, j, w) for _, i, j, w in sums]
    making.put(
        "add(a, b), add(#0, c), divide(#1, const_3)", (v[a] + v[b] + v[c]) / 3, thrice, *means
    )


def _near(x: Number, y: Number) -> bool:
    """Whether two numbers stand in one row, one column or one sentence, or are of one name."""
    column = x.kind == "cell" and y.kind == "cell" and x.place == y.place
    return x.line == y.line or column or x.label == y.label


def _quads(making: _Making, numbers: Sequence[Number]) -> None:
    """Two rows in the same two columns: ``a b`` above ``c d``, and the other way about."""
    v, f = _values(numbers)
    at = {(x.line, x.place): i for i, x in enumerate(numbers) if x.kind == "cell"}
    rows: dict[int, list[int]] = {}
    for line, place in at:
        rows.setdefault(line, []).append(place)
    made: list[tuple[int, int, int, int]] = []
    for first, second in itertools.permutations(rows, 2):
        shared = sorted(set(rows[first]) & set(rows[second]))[:4]
        made += [
            (at[first, p], at[first, q], at[second, p], at[second, q])
            for p, q in itertools.permutations(shared, 2)
        ]
        if len(made) > 1500:
            break
    if not made:
        return
    four = np.array(made, np.int64)
    a, b, c, d = four.T
    making.put(
        "growth(a, b), growth(c, d), subtract(#0, #1)",
        (v[a] - v[b]) / v[b] - (v[c] - v[d]) / v[d],
        four,
        ("growth", 0, 1, 0.6),
        ("growth", 2, 3, 0.6),
    )
    making.put(
        "divide(a, b), divide(c, d), subtract(#0, #1)",
        f[a] / f[c] - f[b] / f[d],
        four[:, [0, 2, 1, 3]],
        ("divide", 0, 1, 0.6),
        ("divide", 2, 3, 0.6),
    )
    once = four[a < c]
    a, b, c, d = once.T
    making.put(
        "growth of a sum",
        (v[a] + v[c] - v[b] - v[d]) / (v[b] + v[d]),
        once,
        ("growth", 0, 1, 0.6),
        ("growth", 2, 3, 0.6),
    )
    once = four[(four[:, 0] < four[:, 1]) & (four[:, 0] < four[:, 2])]
    a, b, c, d = once.T
    making.put(
        "multiply(a, b), multiply(c, d), add(#0, #1)",
        f[a] * f[b] + f[c] * f[d],
        once,
        ("multiply", 0, 1, 0.6),
        ("multiply", 2, 3, 0.6),
    )


def _sets(making: _Making, page: Page) -> None:
    asked = years(page.question)
    seen: set[tuple[int, ...]] = set()
    for members, shape in _groups(page.numbers, asked):
        values = [page.numbers[i].value for i in members]
        key = tuple(sorted(members))
        if key in seen or len({page.numbers[i].percent for i in members}) > 1:
            continue
        seen.add(key)
        if len(members) > 2:
            if not page.numbers[members[0]].percent:
                making.put_set("sum of a set", sum(values), members, "add", shape)
            mean = sum(values) / len(values)
            making.put_set("average of a set", mean, members, "average", shape)
            if page.numbers[members[0]].percent:
                making.put_set("fraction average of a set", mean / 100, members, "average", shape)
        making.put_set("maximum of a set", max(values), members, "extreme", shape)
        making.put_set("minimum of a set", min(values), members, "extreme", shape)


def _groups(
    numbers: Sequence[Number], asked: Sequence[int]
) -> Iterator[tuple[list[int], list[float]]]:
    """Sets that belong together: a row, a column, a sentence; whole, without totals, by years."""
    lines: dict[int, list[int]] = {}
    columns: dict[tuple[int, str], list[int]] = {}
    for i, x in enumerate(numbers):
        if x.kind != "question":
            lines.setdefault(x.line, []).append(i)
        if x.kind == "cell":
            columns.setdefault((x.place, x.header), []).append(i)
    for across, groups in ((1.0, list(lines.values())), (0.0, list(columns.values()))):
        for group in groups:
            yield from _variants(numbers, group, asked, across)


def _variants(
    numbers: Sequence[Number], group: list[int], asked: Sequence[int], across: float
) -> Iterator[tuple[list[int], list[float]]]:
    prose = float(numbers[group[0]].kind == "prose")

    def shape(members: list[int], how: int) -> list[float]:
        return [
            across,
            prose,
            min(len(members), 10) / 10,
            float(how == 1),
            float(how == 2),
            float(how == 3),
        ]

    if asked:
        inside = [
            i
            for i in group
            if numbers[i].years and min(asked) <= numbers[i].years[-1] <= max(asked)
        ]
        if 2 <= len(inside) <= MEMBERS:
            yield inside, shape(inside, 1)
    plain = [
        i
        for i in group
        if "total" not in f"{numbers[i].label if not across else numbers[i].header}".lower()
    ]
    if 2 <= len(plain) <= MEMBERS:
        yield plain, shape(plain, 2)
    if 2 <= len(group) <= MEMBERS:
        yield group, shape(group, 0)
    for size in (3, 4):
        if len(plain) > size:
            for start in range(len(plain) - size + 1) if len(plain) <= 8 else (0,):
                run = plain[start : start + size]
                yield run, shape(run, 3)
