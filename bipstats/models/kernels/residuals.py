"""Residuals of a Cox fit and the score test of proportional hazards, from one sweep over the risk sets.

Notation follows Therneau & Grambsch (2000, chapters 4 and 6). Covariates and residuals share their units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from bipstats.models.kernels.cox import (
    CoxProblem,
    RiskSums,
    expected_events,
    score_sums,
    weighted_cross_product,
)
from bipstats.models.kernels.newton import Floats
from bipstats.threads import one_thread

Ints = NDArray[np.int64]


def martingale_residuals(sums: RiskSums, problem: CoxProblem) -> Floats:
    """Events less the cumulative hazard over each row's time at risk, (n,), not multiplied by case weights."""
    residuals = -expected_events(sums, problem) / problem.weight
    residuals[problem.died] += 1.0
    return residuals


def deviance_residuals(martingale: Floats, event: NDArray[np.bool_]) -> Floats:
    """Martingale residuals made more symmetric: signed roots of each row's share of the deviance, (n,)."""
    expected = np.where(event, 1.0 - martingale, 1.0)
    return np.sign(martingale) * np.sqrt(np.maximum(-2 * (martingale + np.log(expected)), 0.0))


def score_residuals(sums: RiskSums, problem: CoxProblem) -> Floats:
    """Each row's part of the score, (n, p), not multiplied by case weights."""
    return score_sums(sums, problem, np.arange(len(problem.x))) / problem.weight[:, None]


def schoenfeld_residuals(sums: RiskSums, problem: CoxProblem) -> Floats:
    """Covariates of each death less their mean over the risk set, averaged over ties: (m, p) in order of `died`."""
    return problem.x[problem.died] - _mean_of_ties(sums.mean, problem.at)


def _mean_of_ties(values: Floats, at: Ints) -> Floats:
    """Replace each row by the mean of the rows of its event time; `at` ascends."""
    begin = np.flatnonzero(np.diff(at, prepend=-1))
    size = np.diff(begin, append=len(at))
    return np.repeat(np.add.reduceat(values, begin) / size[:, None], size, axis=0)


@dataclass(frozen=True, slots=True)
class TimeTrendScore:
    r"""Score and information of trends :math:`\beta(t) = \beta + \theta g(t)` at :math:`\theta = 0`.

    Attributes
    ----------
    score : (p,) array
        In :math:`\theta`.
    information : (p, p) array
        Of :math:`\theta` with :math:`\beta` estimated (a Schur complement).
    """

    score: Floats
    information: Floats


@one_thread()
def time_trend_score(sums: RiskSums, problem: CoxProblem, information: Floats, g: Floats) -> TimeTrendScore:
    r"""Score test of proportional hazards against a trend in a function of time.

    Parameters
    ----------
    sums : RiskSums
        At the estimate.
    problem : CoxProblem
    information : (p, p) array
        Of the coefficients.
    g : (m,) array
        The function at the time of each of `died`; centred by the caller.

    Notes
    -----
    Adding :math:`g(t) x` to the covariates gives the information matrix the blocks
    :math:`\sum dI(t)`, :math:`\sum g\,dI(t)` and :math:`\sum g^2 dI(t)` over the deaths, with :math:`dI(t)` the
    variance of the covariates over the risk set; each block is one weighted cross-product of the rows, the first
    being `information`.
    """
    died, tied = problem.died, problem.tied_weight
    score = (g * problem.weight[died]) @ problem.x[died] - (g * tied) @ sums.mean
    crossed, squared = _information(sums, problem, g), _information(sums, problem, g**2)
    return TimeTrendScore(score, squared - crossed @ np.linalg.solve(information, crossed))


def _information(sums: RiskSums, problem: CoxProblem, factor: Floats) -> Floats:
    """Sum over the deaths of the variance of the covariates over the risk set, times a factor, (p, p)."""
    scaled = replace(problem, tied_weight=problem.tied_weight * factor)
    between = sums.mean.T @ (scaled.tied_weight[:, None] * sums.mean)
    return weighted_cross_product(problem.x, expected_events(sums, scaled)) - between


def scale_schoenfeld(residuals: Floats, information: Floats, stratum: Ints, used: Floats) -> Floats:
    """Schoenfeld residuals over the mean variance of a death's risk set, (m, p): each then varies about the trend.

    Parameters
    ----------
    residuals : (m, p) array
    information : (p, p) array
    stratum : (m,) integer array
        Stratum 0..S-1 of each death.
    used : (S, p) array
        Deaths of each stratum in which the covariate varies; zero where it is constant: NaN in the result.
    """
    variance = information / np.maximum(_pairs_used(used), 1.0)
    scaled = np.full_like(residuals, np.nan)
    for code in np.flatnonzero(used.any(axis=1)):
        rows, columns = np.flatnonzero(stratum == code), np.flatnonzero(used[code])
        block = np.ix_(rows, columns)
        scaled[block] = np.linalg.solve(variance[np.ix_(columns, columns)], residuals[block].T).T
    return scaled


def trend_variance(information: Floats, used: Floats) -> Floats:
    """Variance of one scaled Schoenfeld residual by coefficient, (p,)."""
    return np.diag(np.linalg.inv(information / np.maximum(_pairs_used(used), 1.0)))


def _pairs_used(used: Floats) -> Floats:
    """Deaths on which each entry of the information rests, (p, p)."""
    return np.minimum(used[:, :, None], used[:, None, :]).sum(axis=0)


@dataclass(frozen=True, slots=True)
class Smooth:
    """A curve through points, on a grid.

    Attributes
    ----------
    estimate, spread : (k,) arrays
        The curve, and its standard error if the points had the variance one.
    """

    estimate: Floats
    spread: Floats


def smooth(x: Floats, y: Floats, grid: Floats, knots: Floats) -> Smooth:
    """Least squares with a natural cubic spline.

    Parameters
    ----------
    x, y : (m,) arrays
    grid : (k,) array
    knots : (d,) array
        Ascending, the ends included: a spline with d degrees of freedom. Fewer are used where `x` takes too few
        values to place them.
    """
    knots = np.unique(knots)
    while True:
        there = _natural_spline(x, knots)
        if np.linalg.matrix_rank(there) == there.shape[1]:
            break
        knots = np.delete(knots, len(knots) // 2) if len(knots) > 2 else knots[:1]
    on_grid = _natural_spline(grid, knots)
    orthogonal, upper = np.linalg.qr(there)
    weights = np.linalg.solve(upper.T, on_grid.T)  # of the orthogonal columns, at each place of the grid
    return Smooth(weights.T @ (orthogonal.T @ y), np.sqrt((weights**2).sum(axis=0)))


def _natural_spline(x: Floats, knots: Floats) -> Floats:
    """Cubic between the knots, one at its own knot and zero at the others, (m, d); one knot: a constant."""
    if len(knots) == 1:
        return np.ones((len(x), 1))
    return np.asarray(CubicSpline(knots, np.eye(len(knots)), bc_type="natural")(x))
