"""The gain on a small set of questions (under 300), as a posterior of a hierarchical model.

With few questions Student's t leans on variances of few clusters, and a sheet that is all right or
all wrong has none. Here chances are modelled: of arm m (a = +, b = -), run s, question q of
company c, the number right of K samples is binomial with

    logit p = level_m + company_c + question_q +- (gain_c + gain_q) / 2 + run_ms

where all but the levels are normal around 0. ``company`` and ``question`` are difficulties that
both arms share, which pairs them; ``gain_c`` and ``gain_q`` are how much more one arm finds in a
company or question; ``run`` is of arms with several training runs (an arm of one run is taken as
it is). This is the hierarchical beta-binomial in its logit-normal form: independent betas cannot
hold two arms that answer the same questions. Without any of the effects it *is* the beta-binomial,
and the posterior of each arm's share that of Beta(1 + right, 1 + wrong).

What is told is the gain on new questions of new companies by a new run: the levels' shares averaged
over all effects. Difficulties that are far from normal (all questions trivial or hopeless) pull it
up a little: .072 for a true .068 where shares are Beta(.4, .4).

Computation, without sampling chains: effects are integrated out by Laplace's method (Tierney and
Kadane 1986, JASA 81, 82-86); the levels' normal approximation is corrected by the same method on a
grid, as INLA does (Rue, Martino and Chopin 2009, JRSS B 71, 319-392); the spreads are at their
posterior mode but for the two that are known least and matter most, of companies' gains and of
runs, which are averaged over on a grid. A second or two of one core.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from evals.decision.outcomes import Codes, Scores
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError

Floats = NDArray[np.float64]

SPREADS: Mapping[str, float] = {
    "question": 1.5,
    "gain of a question": 1.0,
    "company": 0.75,
    "gain of a company": 0.5,
    "run": 0.25,
}
"""Scales of the half-normal priors of the standard deviations, in logits: at a share of one half,
1 logit is 25 points, so that a run's typical spread is taken to be up to 6 points."""
PRIORS = (
    "share of each arm: uniform from 0 to 1 for a typical question; standard deviations in logits: "
    + ", ".join(f"{name} half-normal({scale:g})" for name, scale in SPREADS.items())
)
_AVERAGED = ("gain of a company", "run")
_STEPS = 7
"""Points of the grid of each spread that is averaged over, up to three times its prior's scale."""
_REACH = np.linspace(-6.0, 6.0, 9)
"""Where the levels' normal approximation is corrected, in its standard deviations."""
_POINTS = 12
"""Two to this many pairs of levels are weighed, spread evenly (Sobol) over a normal distribution
wider than the approximation, so that its tails are reached where they are too light."""
_WIDER = 1.5
_NEAR = 1e-5
"""The mode is found when Newton's next step would gain less, in log probability."""
_NODES, _WEIGHTS = cast(
    tuple[Floats, Floats],
    np.polynomial.hermite_e.hermegauss(21),  # pyright: ignore[reportUnknownMemberType]
)


class Posterior(Value):
    """What is believed of a gain after the samples were seen."""

    mean: float
    low: float
    high: float
    level: float
    """Of the interval, with equal tails."""
    above_zero: float
    """Chance that there is a gain."""
    delta: float
    above_delta: float
    """Chance that it is at least ``delta``."""
    runs: int
    """Of the first arm."""
    questions: int
    companies: int
    spreads: dict[str, float]
    """Standard deviations at their mode, in logits; an effect that is not there is left out."""
    priors: str = PRIORS


@dataclass(frozen=True)
class _Model:
    design: Any
    """(R, 2 + E) sparse: an observation is an arm, run and question; the levels come first."""
    right: Floats
    """(R,)"""
    asked: Floats
    """(R,)"""
    kinds: tuple[str, ...]
    """The effects that are there."""
    kind: NDArray[np.intp]
    """(E,): of which kind each is."""
    varies: tuple[bool, bool]
    """Whether each arm has runs that differ."""

    @property
    def start(self) -> Floats:
        """Both arms right half of the time, without effects."""
        return np.zeros(2 + len(self.kind))


@dataclass(frozen=True)
class _Fit:
    x: Floats
    """(2 + E,): levels, and effects in their standard deviations, at the mode."""
    evidence: float
    """Log of the probability of the data, up to a constant; given the levels, where they were."""
    cov: Floats
    """(2, 2) of the levels; zero where they were given."""


def posterior(
    a: Scores,
    b: Scores,
    companies: Codes,
    *,
    delta: float,
    level: float = 0.95,
    effects: Collection[str] = tuple(SPREADS),
) -> Posterior:
    """How much more arm ``a`` has than arm ``b``.

    Args:
        a: (S, Q, K).
        b: (S', Q, K'): the same questions.
        companies: (Q,).
        delta: the smallest gain worth having, a fraction.
        effects: of ``SPREADS``; those of which the samples can tell nothing are left out: of one
            company or of companies of one question each, and of runs of which there is one.

    Raises:
        DataError: arms or companies of different questions, or scores outside of 0 to 1.
    """
    if a.ndim != 3 or b.ndim != 3 or a.shape[1] != b.shape[1] or companies.shape != (a.shape[1],):
        raise DataError(f"arms of {a.shape} and {b.shape} with companies of {companies.shape}")
    if not ((a >= 0) & (a <= 1)).all() or not ((b >= 0) & (b <= 1)).all():
        raise DataError("some scores are no numbers from 0 to 1")
    model = _model(a, b, companies, effects)
    mode = _mode(model)
    gains, weights = _gains(model, mode)
    order = np.argsort(gains)
    gains, weights = gains[order], weights[order] / weights.sum()
    below = np.cumsum(weights) - weights / 2
    low, high = np.interp([0.5 - level / 2, 0.5 + level / 2], below, gains)
    return Posterior(
        mean=float(gains @ weights),
        low=float(low),
        high=float(high),
        level=level,
        above_zero=1 - float(np.interp(0, gains, below)),
        delta=delta,
        above_delta=1 - float(np.interp(delta, gains, below)),
        runs=len(a),
        questions=a.shape[1],
        companies=len(np.unique(companies)),
        spreads=dict(zip(model.kinds, mode.tolist(), strict=True)),
    )


def _model(a: Scores, b: Scores, companies: Codes, effects: Collection[str]) -> _Model:
    from scipy.sparse import csr_matrix, hstack

    names, company = np.unique(companies, return_inverse=True)
    count, questions = len(names), a.shape[1]
    arm = np.repeat([0, 1], [len(a) * questions, len(b) * questions])
    question = np.tile(np.arange(questions), len(a) + len(b))
    run = np.repeat(np.arange(len(a) + len(b)), questions)
    every, half = np.ones(len(arm)), np.where(arm == 0, 0.5, -0.5)
    varies = np.where(arm == 0, len(a) > 1, len(b) > 1).astype(float)
    clustered = 1 < count < questions
    columns = {
        "question": (every, question, questions),
        "gain of a question": (half, question, questions),
        "company": (every, company[question], count),
        "gain of a company": (half, company[question], count),
        "run": (varies, run, len(a) + len(b)),
    }
    told = {
        "question": True,
        # With one sample of each, what is a question's own gain and what is luck is not told.
        "gain of a question": len(a) * a.shape[2] > 1 or len(b) * b.shape[2] > 1,
        "company": clustered,
        "gain of a company": clustered,
        "run": bool(varies.any()),
    }
    kinds = tuple(kind for kind in columns if told[kind] and kind in effects)
    blocks = [(every, arm, 2), *(columns[kind] for kind in kinds)]
    rows = np.arange(len(arm))
    return _Model(
        design=hstack([csr_matrix((v, (rows, c)), shape=(len(rows), n)) for v, c, n in blocks]),
        right=np.concatenate([x.sum(axis=2).ravel() for x in (a, b)]),
        asked=np.where(arm == 0, a.shape[2], b.shape[2]).astype(float),
        kinds=kinds,
        kind=np.repeat(np.arange(len(kinds)), [columns[kind][2] for kind in kinds]),
        varies=(len(a) > 1, len(b) > 1),
    )


def _fit(model: _Model, spreads: Floats, start: Floats, levels: Floats | None = None) -> _Fit:
    """Laplace's method at given spreads: Newton's steps to the mode, halved where they overshoot.

    Args:
        spreads: standard deviation of each kind of effect, logits.
        start: (2 + E,), where to begin.
        levels: (2,), held there; None: they are found too.
    """
    from scipy.sparse import csc_matrix, diags
    from scipy.sparse.linalg import splu
    from scipy.special import expit

    scaled: Any = model.design @ diags(np.concatenate([[1.0, 1.0], spreads[model.kind]]))
    held = 0 if levels is None else 2
    x = start.copy()
    if levels is not None:
        x[:2] = levels
    free: Any = csc_matrix(scaled)[:, held:]

    def at(x: Floats) -> float:
        eta = scaled @ x
        likely = float(model.right @ eta - model.asked @ np.logaddexp(0, eta))
        # A share that is uniform has, in logits, the density of one right and one wrong.
        uniform = float((x[:2] - 2 * np.logaddexp(0, x[:2])).sum())
        return likely + uniform - float(x[2:] @ x[2:]) / 2

    def curvature(x: Floats) -> tuple[Floats, Any]:
        p, level = expit(scaled @ x), expit(x[:2])
        gradient = free.T @ (model.right - model.asked * p)
        own = np.concatenate([(1 - 2 * level), -x[2:]])[held:]
        prior = np.concatenate([2 * level * (1 - level), np.ones(len(x) - 2)])[held:]
        weight = diags(model.asked * p * (1 - p))
        return gradient + own, csc_matrix(free.T @ weight @ free + diags(prior))

    value, width = at(x), len(x) - held
    if not width:
        return _Fit(x, value, np.zeros((2, 2)))
    while True:
        gradient, hessian = curvature(x)
        factors = splu(hessian, "MMD_AT_PLUS_A", 0.0, options={"SymmetricMode": True})
        step = np.zeros(len(x))
        step[held:] = factors.solve(gradient)
        if gradient @ step[held:] < _NEAR:
            break
        while at(x + step) < value:
            step /= 2
        x = x + step
        value = at(x)
    evidence = value - float(np.log(np.abs(factors.U.diagonal())).sum()) / 2
    cov = factors.solve(np.eye(width, 2))[:2] if levels is None else np.zeros((2, 2))
    return _Fit(x, evidence, cov)


def _mode(model: _Model) -> Floats:
    """The spreads' posterior mode, found in their logarithms."""
    from scipy.optimize import minimize

    if not model.kinds:
        return np.zeros(0)
    scales = np.array([SPREADS[kind] for kind in model.kinds])
    start = model.start

    def against(log: Floats) -> float:
        nonlocal start
        spreads = np.exp(log)
        fit = _fit(model, spreads, start)
        start = fit.x
        return -(fit.evidence - float(((spreads / scales) ** 2).sum()) / 2 + float(log.sum()))

    first = np.log(scales / 2)
    simplex = np.vstack([first, first + 0.7 * np.eye(len(first))])
    options = {"initial_simplex": simplex, "xatol": 0.05, "fatol": 0.02, "maxfev": 300}
    found = minimize(against, first, method="Nelder-Mead", options=options)
    return np.exp(np.asarray(found.x, dtype=float))


def _gains(model: _Model, mode: Floats) -> tuple[Floats, Floats]:
    """Gains that may be, and their weights."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    even = qmc.Sobol(2, rng=np.random.default_rng(0)).random_base2(_POINTS)
    drawn = np.clip(ndtri(even), *(_REACH[[0, -1]] / _WIDER))
    normal = _WIDER * drawn
    best = _fit(model, mode, model.start)
    density = _correction(model, mode, best, normal) + (drawn**2 - normal**2).sum(axis=1) / 2
    grids = [
        SPREADS[kind] * 3 * (np.arange(_STEPS) + 0.5) / _STEPS if kind in _AVERAGED else [found]
        for kind, found in zip(model.kinds, mode.tolist(), strict=True)
    ]
    scales = np.array([SPREADS[kind] for kind in model.kinds])
    gains: list[Floats] = []
    weights: list[Floats] = []
    for point in product(*grids):
        spreads = np.array(point, dtype=float)
        fit = _fit(model, spreads, best.x)
        log = fit.evidence - best.evidence - float(((spreads / scales) ** 2).sum()) / 2
        levels = fit.x[:2] + normal @ np.linalg.cholesky(fit.cov).T
        gains.append(
            _share(levels[:, 0], model, spreads, 0) - _share(levels[:, 1], model, spreads, 1)
        )
        weights.append(np.exp(log + density))
    return np.concatenate(gains), np.concatenate(weights)


def _correction(model: _Model, spreads: Floats, best: _Fit, normal: Floats) -> Floats:
    """Log of the levels' density over that of their normal approximation, at each point."""
    from scipy.interpolate import RectBivariateSpline

    root = np.linalg.cholesky(best.cov)
    ratio = np.empty((len(_REACH), len(_REACH)))
    for i, j in product(range(len(_REACH)), repeat=2):
        apart = np.array([_REACH[i], _REACH[j]])
        fit = _fit(model, spreads, best.x, best.x[:2] + root @ apart)
        ratio[i, j] = fit.evidence + float(apart @ apart) / 2
    ratio -= ratio[len(_REACH) // 2, len(_REACH) // 2]
    spline: Any = RectBivariateSpline(_REACH, _REACH, ratio)
    return np.asarray(spline.ev(normal[:, 0], normal[:, 1]), dtype=float)


def _share(levels: Floats, model: _Model, spreads: Floats, arm: int) -> Floats:
    """An arm's share right, averaged over its effects, for each of its levels."""
    from scipy.special import expit

    of = dict(zip(model.kinds, spreads.tolist(), strict=True))
    halves = of.get("gain of a question", 0.0) ** 2 + of.get("gain of a company", 0.0) ** 2
    whole = of.get("question", 0.0) ** 2 + of.get("company", 0.0) ** 2
    run = of.get("run", 0.0) ** 2 if model.varies[arm] else 0.0
    wide = np.sqrt(whole + halves / 4 + run)
    return expit(levels[:, None] + wide * _NODES) @ _WEIGHTS / _WEIGHTS.sum()
