r"""Binomial regression with absorbed factors: one is eliminated, what remains is small and dense.

With effects :math:`\alpha` of the eliminated factor and all other parameters :math:`\theta` (levels of further
factors, slopes) the information is an arrow,

.. math:: I = \begin{pmatrix} D & B \\ B' & C \end{pmatrix},

D diagonal with one entry per level. Newton's step and the covariance of :math:`\theta` need no more than D, B and
the Schur complement :math:`S = C - B'D^{-1}B`. So this is maximum likelihood with all the dummies, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from bipstats.models.kernels.binomial import Link, Working, weighted_sums, working
from bipstats.models.kernels.cox import weighted_cross_product
from bipstats.models.kernels.newton import Evaluation, Floats

Ints = NDArray[np.int64]
_ROWS_IN_CACHE = 8192
_DEPENDENT = 1e-9  # share of a level's rows that is its own; whole numbers, so anything less is rounding


@dataclass(frozen=True, slots=True)
class AbsorbedProblem:
    """A binomial regression with a factor to be eliminated.

    Attributes
    ----------
    x : (n, p) array
    group : (n,) integer array
        Level of the eliminated factor, 0..L-1.
    by_group : (L, n) sparse matrix
        One at (level, row).
    factors : (K, n) sparse matrix
        Levels of all further factors, one below the other, those left out that depend on others.
    successes, trials, offset : (n,) arrays
    link : {"logit", "cloglog"}
    """

    x: Floats
    group: Ints
    by_group: sparse.csr_array
    factors: sparse.csr_array
    successes: Floats
    trials: Floats
    offset: Floats
    link: Link


def incidence(codes: Ints) -> sparse.csr_array:
    """One at (level, row) for codes 0..L-1: (L, n)."""
    n = len(codes)
    return sparse.csr_array((np.ones(n), (codes, np.arange(n))), shape=(int(codes.max(initial=-1)) + 1, n))


@dataclass(frozen=True, slots=True)
class ArrowEvaluation(Evaluation):
    """Log-likelihood at one parameter, its information as an arrow.

    Attributes
    ----------
    gradient : (L + m,) array
    information : (m, m) array
        Schur complement S.
    diagonal : (L,) array
        D.
    cross : (L, m) array
        B.
    """

    diagonal: Floats
    cross: Floats


def linear_predictor(params: Floats, problem: AbsorbedProblem) -> Floats:
    """Effects of the eliminated factor, of further factors, then slopes: (n,)."""
    n_groups, n_levels = problem.by_group.shape[0], problem.factors.shape[0]
    own, levels, slopes = np.split(params, [n_groups, n_groups + n_levels])
    return problem.offset + own[problem.group] + problem.factors.T @ levels + problem.x @ slopes


def log_likelihood(params: Floats, problem: AbsorbedProblem) -> float:
    """Binomial log-likelihood without the constant of the counts."""
    return working(linear_predictor(params, problem), problem).loglik


def evaluate(params: Floats, problem: AbsorbedProblem, *, observed: bool = False) -> ArrowEvaluation:
    """Log-likelihood, score and the arrow of the information (observed or expected)."""
    here = working(linear_predictor(params, problem), problem)
    weight = here.observed if observed else here.expected
    x, factors = problem.x, problem.factors
    gradient = np.concatenate([problem.by_group @ here.residual, factors @ here.residual, here.residual @ x])
    weighted = weighted_sums(factors, weight)
    between = weighted @ x
    rest = np.block(
        [[(weighted @ factors.T).toarray(), between], [between.T, weighted_cross_product(x, weight)]]
    )
    diagonal, cross = _of_groups(weight, problem)
    schur = rest - (cross / diagonal[:, None]).T @ cross
    return ArrowEvaluation(here.loglik, gradient, (schur + schur.T) / 2, diagonal, cross)


def _of_groups(weight: Floats, problem: AbsorbedProblem) -> tuple[Floats, Floats]:
    """D and B."""
    weighted = weighted_sums(problem.by_group, weight)
    return weighted.sum(axis=1), np.hstack([(weighted @ problem.factors.T).toarray(), weighted @ problem.x])


def solve(at: ArrowEvaluation) -> Floats:
    """Newton's step, (L + m,)."""
    own, rest = np.split(at.gradient, [len(at.diagonal)])
    step = cho_solve(cho_factor(at.information), rest - at.cross.T @ (own / at.diagonal))
    return np.concatenate([(own - at.cross @ step) / at.diagonal, step])


def score_sums(params: Floats, problem: AbsorbedProblem, group: Ints) -> Floats:
    r"""Efficient scores of the m parameters that are not eliminated, summed over groups of rows: (G, m).

    Notes
    -----
    :math:`s_\theta - B'D^{-1}s_\alpha`, with the expected information: the sandwich of these sums with
    :math:`S^{-1}` is the block of the sandwich of all parameters.
    """
    here: Working = working(linear_predictor(params, problem), problem)
    diagonal, cross = _of_groups(here.expected, problem)
    by_row = weighted_sums(incidence(group), here.residual)
    own = np.hstack([(by_row @ problem.factors.T).toarray(), by_row @ problem.x])
    return own - (by_row @ problem.by_group.T) @ (cross / diagonal[:, None])


def starting_values(problem: AbsorbedProblem) -> Floats:
    """Effects of the eliminated factor from the crude rates, all else zero."""
    rate = (problem.by_group @ problem.successes + 0.5) / (problem.by_group @ problem.trials + 1.0)
    effect = np.log(rate / (1 - rate)) if problem.link == "logit" else np.log(-np.log1p(-rate))
    return np.concatenate([effect, np.zeros(problem.factors.shape[0] + problem.x.shape[1])])


@dataclass(frozen=True, slots=True)
class Varying:
    """Rows left after levels without variation in the outcome went.

    Attributes
    ----------
    kept : (n,) boolean array
    dropped : tuple of int
        Rows that went, by factor, each counted as often as it occurred.
    """

    kept: NDArray[np.bool_]
    dropped: tuple[int, ...]


def varying_rows(
    factors: Sequence[Ints], both_ways: Sequence[bool], event: NDArray[np.bool_], count: Ints
) -> Varying:
    """Leave out levels whose effect is infinite, until there is none.

    Parameters
    ----------
    factors : sequence of (n,) integer arrays
        Codes from 0.
    both_ways : sequence of bool
        For each factor whether levels go that have events only, besides those without any.
    event : (n,) boolean array
    count : (n,) integer array
        Rows that each row stands for.
    """
    kept, dropped, left = np.ones(len(event), bool), [0] * len(factors), -1
    while left != kept.sum():
        left = kept.sum()
        for j, (codes, both) in enumerate(zip(factors, both_ways, strict=True)):
            rows = np.bincount(codes, count * kept)
            events = np.bincount(codes, count * (kept & event))
            constant = (events == 0) | (both & (events == rows))
            gone = kept & constant[codes]
            dropped[j] += int(count[gone].sum())
            kept &= ~gone
    return Varying(kept, tuple(dropped))


def independent_levels(by_group: sparse.csr_array, factors: sparse.csr_array) -> NDArray[np.bool_]:
    """Which levels are no combination of the eliminated factor and levels before them: (K,)."""
    gram = _within(by_group, factors)
    least = _DEPENDENT * factors.sum(axis=1)
    free = np.zeros(len(gram), bool)
    for j in range(len(gram)):
        if gram[j, j] > least[j]:
            free[j] = True
            gram[j + 1 :, j + 1 :] -= np.outer(gram[j + 1 :, j], gram[j, j + 1 :] / gram[j, j])
    return free


def demean(x: Floats, group: Ints, by_group: sparse.csr_array) -> None:
    """Take the means by group off the rows of x, in place."""
    means = (by_group @ x) / by_group.sum(axis=1)[:, None]
    for low in range(0, len(x), _ROWS_IN_CACHE):
        rows = slice(low, low + _ROWS_IN_CACHE)
        x[rows] -= means[group[rows]]


def explained(x: Floats, by_group: sparse.csr_array, factors: sparse.csr_array) -> Floats:
    """Effects of independent levels on columns that are centred by group already: (K, p)."""
    if not factors.shape[0]:
        return np.zeros((0, x.shape[1]))
    return np.linalg.solve(_within(by_group, factors), factors @ x)


def _within(by_group: sparse.csr_array, factors: sparse.csr_array) -> Floats:
    """Cross-product of levels centred by group, (K, K)."""
    between = by_group @ factors.T
    share = sparse.diags_array(1 / by_group.sum(axis=1))
    return (factors @ factors.T - between.T @ (share @ between)).toarray()
