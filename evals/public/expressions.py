r"""Whether two short mathematical answers are worth the same: ``\frac{3}{4}``, ``0.75``, ``3/4``.

An answer is read by a parser of our own into numbers and operations; nothing is evaluated as code,
and what cannot be read is compared as text. Two expressions are equal when they agree at several
points for their letters (Schwartz 1980, Zippel 1979), to twelve digits. Lists and sets are equal in
any order, tuples and intervals in theirs. It is no computer algebra system: what would need a proof
is compared as text, and so counts as wrong where the texts differ.

The judge of answers of public sets alone; a specialist's answers are judged elsewhere.
"""

from __future__ import annotations

import cmath
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

LONGEST = 400
"""Characters of an answer; a longer one is no short answer and equals nothing."""
DEEPEST = 40
"""Levels of brackets."""
RELATIVE = 1e-12
"""Of exact expressions worked out in binary floating point."""
POINTS = (
    (0.7312, 0.1973),
    (1.9137, -0.4421),
    (-0.6241, 0.8317),
)
"""Where letters are put: real and imaginary part, moved a little for each letter."""


class Unread(Exception):
    """A text that is no expression of this language."""


def equal(gold: str, said: str, *, tolerance: float = 0.0) -> bool:
    """Whether two answers are the same.

    Args:
        tolerance: relative difference that numbers may have; 0: none but what reckoning costs.
    """
    if max(len(gold), len(said)) > LONGEST:
        return False
    left, right = tidy(gold), tidy(said)
    if not right:
        return not left
    if left == right:
        return True
    return _same(left, right, tolerance)


def value(text: str) -> float | None:
    """The real number that an answer is; None where it is none."""
    parts = _parts(tidy(text))
    if len(parts) != 1 or len(text) > LONGEST:
        return None
    try:
        read = _read(parts[0])
        found = read.at(POINTS[0])
    except (Unread, ArithmeticError, ValueError):
        return None
    real = abs(found.imag) <= RELATIVE * max(1.0, abs(found.real))
    return found.real if real and not read.letters and math.isfinite(found.real) else None


# --- the text -----------------------------------------------------------------------------------

_SPACES = re.compile(r"(?<!\\)\\[,;:! ]|\\quad|\\qquad|~|\s+")
_DROPPED = re.compile(r"\\(?:left|right|displaystyle|textstyle|limits|mathrm|mathbf|bm|big|Big)\b")
_FRACTION = re.compile(r"\\[dtc]frac")
_WORDS = re.compile(r"\\(?:text|mbox|textbf|textit|mathrm|operatorname)\s*\{([^{}]*)\}")
_THOUSANDS = re.compile(r"(?<![\d.])(\d{1,3})((?:,\d{3})+)(?![\d,])")
_UNIT = re.compile(r"(?<=[\d}])\s*\\(?:text|mbox|mathrm)\s*\{[^{}]*\}(?:\s*\^\s*\{?\d\}?)?\s*$")
_DEGREES = re.compile(r"\^\s*\{?\s*\\circ\s*\}?|°")
_DOLLAR = re.compile(r"(?<!\\)\$")
_LABEL = re.compile(r"^\\?text\{\(?([A-Z])\)?\}$|^\(([A-Z])\)$")
_UNICODE = {"−": "-", "–": "-", "×": r"\times ", "÷": "/", "π": r"\pi ", "∞": r"\infty ",
            "√": r"\sqrt ", "⋅": r"\cdot ", "≤": r"\le ", "≥": r"\ge ", "∪": r"\cup "}  # fmt: skip


def tidy(text: str) -> str:
    """An answer without what only typesets it: delimiters, spaces, units, thousands' commas."""
    told = text.strip()
    for sign, command in _UNICODE.items():
        told = told.replace(sign, command)
    told = _DOLLAR.sub("", told).strip()
    for opening, closing in ((r"\(", r"\)"), (r"\[", r"\]")):
        told = told.removeprefix(opening).removesuffix(closing).strip()
    boxed = re.fullmatch(r"\\boxed\s*\{(.*)\}", told, re.DOTALL)
    told = (boxed[1] if boxed else told).rstrip(".").strip()
    choice = _LABEL.match(told)
    if choice:
        return choice[1] or choice[2]
    told = _DEGREES.sub("", _UNIT.sub("", _FRACTION.sub(r"\\frac", _DROPPED.sub("", told))))
    told = told.replace(r"\$", "").replace(r"\%", "").replace("%", "").replace("{,}", ",")
    told = _THOUSANDS.sub(lambda m: m[1] + m[2].replace(",", ""), told)
    return _SPACES.sub(" ", told).strip()


# --- lists, sets, intervals, equations ----------------------------------------------------------

_OPEN, _CLOSE = "([{", ")]}"
_EQUATION = re.compile(r"^\s*[A-Za-z](?:\([A-Za-z]\)|_\w)?\s*(?:=|\\in)\s*(?P<value>[^=]+)$")
_MATRIX = re.compile(r"^\\begin\{[pbvV]?matrix\}(.*)\\end\{[pbvV]?matrix\}$", re.DOTALL)


def _same(left: str, right: str, tolerance: float) -> bool:
    left, right = _value_of(left), _value_of(right)
    if (one := _MATRIX.match(left)) and (other := _MATRIX.match(right)):
        ours_rows, their_rows = _cells(one[1]), _cells(other[1])
        return len(ours_rows) == len(their_rows) and all(
            _all_same(ours, theirs, tolerance)
            for ours, theirs in zip(ours_rows, their_rows, strict=True)
        )
    if r"\cup" in left or r"\cup" in right:
        return _any_order(left.split(r"\cup"), right.split(r"\cup"), tolerance)
    ours, theirs = _bracketed(left), _bracketed(right)
    if ours and theirs:
        if ours.brackets == theirs.brackets == r"\{\}":
            return _any_order(ours.parts, theirs.parts, tolerance)
        return ours.brackets == theirs.brackets and _all_same(ours.parts, theirs.parts, tolerance)
    parts, others = _parts(left), _parts(right)
    if len(parts) > 1 or len(others) > 1:
        return _any_order(parts, others, tolerance)
    return _worth_the_same(left, right, tolerance)


def _cells(matrix: str) -> list[list[str]]:
    return [row.split("&") for row in matrix.split(r"\\") if row.strip()]


def _value_of(text: str) -> str:
    """``x = 5`` asked for x is 5."""
    found = _EQUATION.match(text)
    return found["value"].strip() if found else text


def _all_same(left: Sequence[str], right: Sequence[str], tolerance: float) -> bool:
    return len(left) == len(right) and all(
        _same(one.strip(), other.strip(), tolerance) for one, other in zip(left, right, strict=True)
    )


def _any_order(left: Sequence[str], right: Sequence[str], tolerance: float) -> bool:
    if len(left) != len(right):
        return False
    free = [part.strip() for part in right]
    for part in left:
        hit = next((o for o in free if _same(part.strip(), o, tolerance)), None)
        if hit is None:
            return False
        free.remove(hit)
    return True


@dataclass(frozen=True)
class _Bracketed:
    brackets: str
    parts: tuple[str, ...]


def _bracketed(text: str) -> _Bracketed | None:
    """A tuple, an interval or a set; None where the brackets only group."""
    found = re.fullmatch(r"(\\\{|[(\[])(.*?)(\\\}|[)\]])", text, re.DOTALL)
    if found is None:
        return None
    parts = tuple(_parts(found[2]))
    if len(parts) == 1 and found[1] == "(" and found[3] == ")":
        return None
    return _Bracketed(found[1] + found[3], parts)


def _parts(text: str) -> list[str]:
    """The parts between commas (or ``and``) outside all brackets."""
    parts, depth, begun = list[str](), 0, 0
    text = re.sub(r"\s+and\s+|\\text\{\s*and\s*\}", ",", text)
    for place, sign in enumerate(text):
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if sign == "," and depth == 0:
            parts.append(text[begun:place].strip())
            begun = place + 1
    parts.append(text[begun:].strip())
    return [part for part in parts if part] or [text]


# --- expressions --------------------------------------------------------------------------------


def _worth_the_same(left: str, right: str, tolerance: float) -> bool:
    try:
        one, other = _read(left), _read(right)
        letters = one.letters | other.letters
        return all(
            _near(one.at(point, letters), other.at(point, letters), tolerance)
            for point in (POINTS if letters else POINTS[:1])
        )
    except (Unread, ArithmeticError, ValueError):
        return _plain(left) == _plain(right)


def _near(gold: complex, said: complex, tolerance: float) -> bool:
    if not (cmath.isfinite(gold) and cmath.isfinite(said)):
        return gold == said
    return abs(gold - said) <= max(tolerance, RELATIVE) * max(abs(gold), 1e-300)


def _plain(text: str) -> str:
    """A text for comparison as text: words without case and commands' arguments."""
    return re.sub(r"\s+|[{}]", "", _WORDS.sub(r"\1", text)).casefold()


Work = Callable[[Mapping[str, complex]], complex]


@dataclass(frozen=True)
class _Expression:
    work: Work
    letters: frozenset[str]

    def at(self, point: tuple[float, float], letters: frozenset[str] = frozenset()) -> complex:
        """Its value with each of the letters at a place of its own."""
        real, imaginary = point
        given = {
            letter: complex(real + 0.173 * n, imaginary - 0.0917 * n)
            for n, letter in enumerate(sorted(letters | self.letters))
        }
        return self.work(given)


_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)|(?P<command>\\[A-Za-z]+|\\\\)"
    r"|(?P<letter>[A-Za-z])(?:_(?P<index>\w|\{\w+\}))?|(?P<sign>[-+*/^!()\[\]{}|]))"
)
_CONSTANTS: Mapping[str, complex] = {r"\pi": math.pi, "e": math.e, "i": 1j, r"\infty": math.inf}
_FUNCTIONS: Mapping[str, Callable[[complex], complex]] = {
    r"\sin": cmath.sin,
    r"\cos": cmath.cos,
    r"\tan": cmath.tan,
    r"\cot": lambda z: 1 / cmath.tan(z),
    r"\sec": lambda z: 1 / cmath.cos(z),
    r"\csc": lambda z: 1 / cmath.sin(z),
    r"\arcsin": cmath.asin,
    r"\arccos": cmath.acos,
    r"\arctan": cmath.atan,
    r"\sinh": cmath.sinh,
    r"\cosh": cmath.cosh,
    r"\tanh": cmath.tanh,
    r"\ln": cmath.log,
    r"\exp": cmath.exp,
}
_GREEK = frozenset(rf"\{name}" for name in (
    "alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "nu", "rho", "sigma", "tau",
    "phi", "omega", "epsilon", "kappa", "psi", "chi", "eta", "zeta", "xi"))  # fmt: skip
_TIMES = (r"\cdot", r"\times", "*")
_LARGEST = 1e6
"""Of an exponent or a factorial's argument."""


@dataclass
class _Parser:
    """Recursive descent over tokens: sums of products of powers."""

    tokens: list[str]
    place: int = 0
    depth: int = 0
    letters: set[str] = field(default_factory=set[str])

    def whole(self) -> Work:
        work = self.total()
        if self.place < len(self.tokens):
            raise Unread(self.tokens[self.place])
        return work

    def ahead(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        sign = self.ahead()
        if not sign or (wanted and sign not in wanted):
            raise Unread(f"{sign or 'the end'} where {' or '.join(wanted) or 'more'} must be")
        self.place += 1
        return sign

    def total(self) -> Work:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unread("too deep")
        work = self.product()
        while self.ahead() in ("+", "-"):
            minus, left, right = self.take() == "-", work, self.product()
            work = _minus(left, right) if minus else _plus(left, right)
        self.depth -= 1
        return work

    def product(self) -> Work:
        if self.ahead() in ("-", "+"):
            minus, inner = self.take() == "-", self.product()
            return (lambda given: -inner(given)) if minus else inner
        work = self.power()
        while True:
            sign = self.ahead()
            if sign in (*_TIMES, "/", r"\div"):
                self.take()
                work = _over(work, self.signed()) if sign in ("/", r"\div") else _times(
                    work, self.signed()
                )  # fmt: skip
            elif sign and sign not in ("+", "-", ")", "]", "}", "|", "^"):
                if sign[0].isdigit() and self.tokens[self.place - 1][0].isdigit():
                    raise Unread("two numbers side by side")
                mixed = sign == r"\frac" and self.tokens[self.place - 1].isdigit()
                work = (_plus if mixed else _times)(work, self.power())
            else:
                return work

    def signed(self) -> Work:
        if self.ahead() == "-":
            self.take()
            inner = self.power()
            return lambda given: -inner(given)
        return self.power()

    def power(self) -> Work:
        work = self.atom()
        while self.ahead() == "!":
            self.take()
            work = _factorial(work)
        if self.ahead() == "^":
            self.take()
            return _power(work, self.signed())
        return work

    def atom(self) -> Work:
        sign = self.take()
        if sign[0].isdigit() or sign[0] == ".":
            number = complex(float(sign))
            return lambda given: number
        if sign in ("(", "[", "{"):
            work = self.total()
            self.take(_CLOSE[_OPEN.index(sign)])
            return work
        if sign == "|":
            work = self.total()
            self.take("|")
            return lambda given: complex(abs(work(given)))
        if sign == r"\frac":
            return _over(self.argument(), self.argument())
        if sign == r"\binom":
            return _binomial(self.argument(), self.argument())
        if sign == r"\sqrt":
            return self.root()
        if sign == r"\log":
            return self.logarithm()
        if sign in _FUNCTIONS:
            return self.function(_FUNCTIONS[sign])
        if sign in _CONSTANTS:
            constant = _CONSTANTS[sign]
            return lambda given: constant
        if sign in _GREEK or sign[0].isalpha():
            self.letters.add(sign)
            return lambda given: given[sign]
        raise Unread(sign)

    def argument(self) -> Work:
        r"""``{…}``, or one sign: ``\frac12`` is a half."""
        if self.ahead() == "{":
            return self.atom()
        sign = self.take()
        if sign.isdigit():
            if len(sign) > 1:
                self.place -= 1
                self.tokens[self.place] = sign[1:]
            digit = complex(int(sign[0]))
            return lambda given: digit
        self.place -= 1
        return self.atom()

    def root(self) -> Work:
        degree: Work = lambda given: 2  # noqa: E731 - one of two
        if self.ahead() == "[":
            degree = self.atom()
        return _power(self.argument(), _over(lambda given: 1, degree))

    def logarithm(self) -> Work:
        base: Work = lambda given: 10  # noqa: E731 - one of two
        if self.ahead() == "_":
            self.take()
            base = self.argument()
        inner = self.function(cmath.log)
        return lambda given: inner(given) / cmath.log(base(given))

    def function(self, does: Callable[[complex], complex]) -> Work:
        exponent = None
        if self.ahead() == "^":
            self.take()
            exponent = self.argument()
        inner = self.power()
        work: Work = lambda given: does(inner(given))  # noqa: E731 - used twice
        return work if exponent is None else _power(work, exponent)


def _read(text: str) -> _Expression:
    """An expression.

    Raises:
        Unread: it is none.
    """
    parser = _Parser(list(_tokens(text)))
    work = parser.whole()
    return _Expression(work, frozenset(parser.letters))


def _tokens(text: str) -> Iterator[str]:
    place, text = 0, re.sub(r"\\log\s*_", r"\\log _", text).strip()
    while place < len(text):
        if text[place] == "_":
            yield "_"
            place += 1
            continue
        found = _TOKEN.match(text, place)
        if found is None:
            if text[place].isspace():
                place += 1
                continue
            raise Unread(text[place:])
        place = found.end()
        if found["letter"]:
            index = (found["index"] or "").strip("{}")
            yield found["letter"] + (f"_{index}" if index else "")
        else:
            yield found[0].strip()


def _plus(left: Work, right: Work) -> Work:
    return lambda given: left(given) + right(given)


def _minus(left: Work, right: Work) -> Work:
    return lambda given: left(given) - right(given)


def _times(left: Work, right: Work) -> Work:
    return lambda given: left(given) * right(given)


def _over(left: Work, right: Work) -> Work:
    return lambda given: left(given) / right(given)


def _power(base: Work, exponent: Work) -> Work:
    def work(given: Mapping[str, complex]) -> complex:
        raised, by = base(given), exponent(given)
        if abs(by) > _LARGEST:
            raise OverflowError("the exponent is too large")
        if raised.imag == 0 and raised.real < 0 and by.imag == 0:
            odd = 1 / by.real if by.real else 0.0
            if odd and abs(odd - round(odd)) < 1e-9 and round(odd) % 2:
                return complex(-((-raised.real) ** by.real))  # the real root of a negative number
        return raised**by

    return work


def _factorial(inner: Work) -> Work:
    return lambda given: complex(math.gamma(_whole(inner(given)) + 1))


def _binomial(above: Work, below: Work) -> Work:
    return lambda given: complex(math.comb(_whole(above(given)), _whole(below(given))))


def _whole(number: complex) -> int:
    if number.imag or number.real != round(number.real) or not 0 <= number.real <= 170:
        raise Unread(f"{number} is no whole number up to 170")
    return int(number.real)
