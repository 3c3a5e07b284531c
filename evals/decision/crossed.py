"""How sure a mean, or a difference of two arms, is where questions, companies, templates and
training runs are crossed: the analysis that decides.

The variance of a mean over S runs and Q questions is, with r_q the residuals of the questions'
means over the runs,

    V = V_companies + V_templates - V_both + max(V_runs - V_drawn, 0)
    V_g = G / (G - 1) * sum over the G clusters of (sum of r_q in the cluster)^2 / Q^2    (CR1)
    V_runs = s_run^2 / S,    V_drawn = s_sq^2 / (S Q)

``both`` are the cells of one company and one template; they are in the two sums before them and
are taken out once (Cameron, Gelbach and Miller 2011, Journal of Business & Economic Statistics
29(2), 238-249). So is what questions and runs both hold: s_run^2, the variance of the runs' means,
has the noise of single figures in it, s_sq^2 (decoding, and what a run does to one question alone;
the residual mean square of the runs x questions table), and the questions' residuals have it once
more. Counted twice, intervals held the truth 97 % of the time where runs are alike
(``evals.decision.proof``).

Where templates and companies together explain less than chance would, the sum can fall below zero;
then the larger of the two one-way variances is taken.

The interval is Student's t with Satterthwaite's degrees of freedom (1946, Biometrics Bulletin 2,
110-114), V^2 / (V_questions^2 / g + sum of V_runs^2 / (S - 1)), V_runs whole, where g, the smaller
of companies - 1 and templates - 1, is also the most they may be, and the smallest part's own the
least. Runs enter by their share of V and are no cap of their own: S - 1 = 2 for three runs would
ask for t > 4.3 and find 3 points in one study of twelve.

Clustered errors of questions: Miller 2024, arXiv 2411.00640.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from evals.decision.outcomes import Codes
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError

Table = NDArray[np.float64]
"""(S, Q): a figure for each run and question."""
_ROUNDING = 1e-12
"""What is smaller than this share of the largest figure is the rounding of floats, not a value."""


class Estimate(Value):
    """A mean, or a difference of two, with its interval."""

    mean: float
    low: float
    high: float
    level: float
    """Of the interval, two-sided."""
    se: float
    """Standard error. 0: everything was the same everywhere."""
    df: float
    """Degrees of freedom."""
    p: float
    """Two-sided, of the mean being 0."""
    runs: int
    """Training runs of the (first) arm."""
    questions: int
    companies: int
    templates: int | None
    """None: not told apart."""
    run_sd: float | None
    """Standard deviation between runs of what is estimated. None: one run, so the spread of
    training is not known and the estimate is of these weights, not of the recipe."""
    parts: dict[str, float]
    """Variance by source: ``companies`` + ``templates`` - ``both`` + ``runs``, these without the
    noise of single figures."""

    def at(self, level: float) -> tuple[float, float]:
        """The two-sided interval at another level."""
        return _interval(self.mean, self.se, self.df, level)

    def p_above(self, bound: float) -> float:
        """One-sided p against "the truth is ``bound`` or less": small where it is shown to be more.
        At minus the margin this is the test of non-inferiority."""
        return _tail(self.mean - bound, self.se, self.df)


def estimate(
    a: Table, companies: Codes, templates: Codes | None = None, *, level: float = 0.95
) -> Estimate:
    """The mean of one arm.

    Args:
        a: (S, Q), figures of each run's questions (of several samples: their mean).
        companies: (Q,), each question's cluster. Where all are of one company, its templates are
            the clusters, or else the questions: the estimate is then of that company alone.
        templates: (Q,), each question's other cluster, crossed with the first.

    Raises:
        DataError: figures that are no finite numbers, fewer than two questions, or clusters of
            other questions than these.
    """
    _check(a, companies, templates)
    return _crossed(a.mean(axis=0), [a], len(a), companies, templates, level, np.abs(a).max())


def difference(
    a: Table,
    b: Table,
    companies: Codes,
    templates: Codes | None = None,
    *,
    paired: bool = True,
    level: float = 0.95,
) -> Estimate:
    """How much more one arm has than another, on the same questions.

    Args:
        a: (S, Q).
        b: (S', Q).
        paired: runs of the same place share their seed; counts where S = S'. Their variance is
            then that of the S differences; otherwise each arm's own is added. An arm with one run
            is taken as it is: fixed weights.

    Raises:
        DataError: as ``estimate``; arms that answered different numbers of questions.
    """
    _check(a, companies, templates)
    _check(b, companies, templates)
    varying = [a - b] if paired and len(a) == len(b) else [a, b]
    largest = max(np.abs(a).max(), np.abs(b).max())
    gaps = a.mean(axis=0) - b.mean(axis=0)
    return _crossed(gaps, varying, len(a), companies, templates, level, largest)


def _check(a: Table, companies: Codes, templates: Codes | None) -> None:
    if a.ndim != 2 or a.shape[0] < 1 or a.shape[1] < 2:
        raise DataError(f"figures of runs x questions are needed, of 1 x 2 at least, not {a.shape}")
    for name, codes in (("companies", companies), ("templates", templates)):
        if codes is not None and codes.shape != (a.shape[1],):
            raise DataError(f"{a.shape[1]} questions, but {name} of {codes.shape}")
    if not isfinite(float(a.sum())):
        raise DataError("some figures are no finite numbers")


def _crossed(
    question: NDArray[np.float64],
    varying: Sequence[NDArray[np.float64]],
    runs: int,
    companies: Codes,
    templates: Codes | None,
    level: float,
    largest: float,
) -> Estimate:
    """The estimate, from the questions' means (Q,) and, for each source of training noise, its
    figures (S, Q). ``largest`` tells what is rounding alone."""
    rounding = float(largest) * _ROUNDING
    mean = float(question.mean())
    if abs(mean) <= rounding:
        mean = 0.0
    parts, of_questions, df_questions, counts = _clustered(question - mean, companies, templates)
    drawn = [_runs(table) for table in varying if len(table) > 1]
    of_runs = [(variance, free) for variance, _, free in drawn]
    parts["runs"] = sum(max(variance - decoding, 0.0) for variance, decoding, _ in drawn)
    variance = of_questions + parts["runs"]
    df = float(df_questions)
    if variance <= rounding**2:
        variance = 0.0
    else:
        below = of_questions**2 / df_questions + sum(v**2 / free for v, free in of_runs)
        least = min([df_questions, *(free for _, free in of_runs)])
        df = min(df, max(variance**2 / below, least))
    se = sqrt(variance)
    low, high = _interval(mean, se, df, level)
    return Estimate(
        mean=mean,
        low=low,
        high=high,
        level=level,
        se=se,
        df=df,
        p=min(2 * _tail(abs(mean), se, df), 1.0),
        runs=runs,
        questions=len(question),
        companies=counts[0],
        templates=counts[1],
        run_sd=sqrt(sum(v * (free + 1) for v, free in of_runs)) if of_runs else None,
        parts=parts,
    )


def _runs(table: NDArray[np.float64]) -> tuple[float, float, int]:
    """Variance of the mean by the runs' means, the noise of decoding in it, degrees of freedom."""
    runs, questions = table.shape
    of_run = table.mean(axis=1)
    alone = table - table.mean(axis=0) - (of_run - of_run.mean())[:, None]
    noise = float(np.vdot(alone, alone)) / ((runs - 1) * (questions - 1))
    return float(of_run.var(ddof=1)) / runs, noise / (runs * questions), runs - 1


def _interval(mean: float, se: float, df: float, level: float) -> tuple[float, float]:
    from scipy.special import stdtrit

    half = float(stdtrit(df, 0.5 + level / 2)) * se
    return mean - half, mean + half


def _tail(apart: float, se: float, df: float) -> float:
    """P(T > apart / se); where nothing varies, whether it is not apart at all."""
    from scipy.special import stdtr

    return float(stdtr(df, -apart / se)) if se else float(apart <= 0)


def _clustered(
    residual: NDArray[np.float64], companies: Codes, templates: Codes | None
) -> tuple[dict[str, float], float, int, tuple[int, int | None]]:
    """The questions' part: its pieces, the variance, its degrees of freedom, and how many companies
    and templates there are. A dimension of one cluster says nothing of a second one: it is left
    out."""
    of_companies, groups = _cr1(residual, companies)
    of_templates, kinds = _cr1(residual, templates) if templates is not None else (0.0, 1)
    of_both = 0.0
    if templates is not None and groups > 1 and kinds > 1:
        of_both = _cr1(residual, companies * (int(templates.max()) + 1) + templates)[0]
    parts = {"companies": of_companies, "templates": of_templates, "both": of_both}
    counts = (groups, None if templates is None else kinds)
    many = [count for count in (groups, kinds) if count > 1]
    if not many:
        alone = float(residual @ residual) / len(residual) / (len(residual) - 1)
        return parts, alone, len(residual) - 1, counts
    variance = of_companies + of_templates - of_both
    if variance <= 0:
        variance = max(of_companies, of_templates)
    return parts, variance, min(many) - 1, counts


def _cr1(residual: NDArray[np.float64], codes: Codes) -> tuple[float, int]:
    """Cluster-robust variance of the mean, and the number of clusters; 0 where there is one."""
    names, place = np.unique(codes, return_inverse=True)
    count = len(names)
    if count < 2:
        return 0.0, count
    sums = np.bincount(place, weights=residual)
    return float(sums @ sums) / len(residual) ** 2 * count / (count - 1), count
