"""Binomial regression with logit or complementary log-log link, and one factor kept as codes.

The factor (the periods of a duration model; a single level is the intercept) is never expanded to columns:
its block of the information is diagonal and its cross block is a sum by level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from bipstats.models.kernels.cox import weighted_cross_product
from bipstats.models.kernels.newton import Evaluation, Floats

Link = Literal["logit", "cloglog"]


@dataclass(frozen=True, slots=True)
class BinomialProblem:
    """A binomial regression ready to evaluate.

    Attributes
    ----------
    x : (n, p) array
        Covariates, without intercept.
    level : (n,) integer array
        Level of the factor, 0..K-1.
    successes, trials : (n,) arrays
        Weighted counts; 0/1 and 1 for single rows.
    offset : (n,) array
    link : {"logit", "cloglog"}
    by_level : (K, n) sparse matrix
        One at (level, row).
    """

    x: Floats
    level: NDArray[np.int64]
    successes: Floats
    trials: Floats
    offset: Floats
    link: Link
    by_level: sparse.csr_array


def binomial_problem(
    x: Floats, level: NDArray[np.int64], successes: Floats, trials: Floats, offset: Floats, link: Link
) -> BinomialProblem:
    """Prepare what every evaluation needs."""
    n_levels = int(level.max(initial=0)) + 1
    by_level = sparse.csr_array(
        (np.ones(len(level)), (level, np.arange(len(level)))), shape=(n_levels, len(level))
    )
    return BinomialProblem(np.ascontiguousarray(x), level, successes, trials, offset, link, by_level)


def linear_predictor(params: Floats, problem: BinomialProblem) -> Floats:
    """Level effects first, then slopes: (n,)."""
    n_levels = problem.by_level.shape[0]
    return problem.x @ params[n_levels:] + params[:n_levels][problem.level] + problem.offset


def mean(eta: Floats, link: Link) -> Floats:
    """Probability at a linear predictor."""
    return expit(eta) if link == "logit" else -np.expm1(-np.exp(np.minimum(eta, 700.0)))


def log_likelihood(params: Floats, problem: BinomialProblem) -> float:
    """Binomial log-likelihood without the constant of the counts."""
    return _log_likelihood(linear_predictor(params, problem), problem)


def evaluate(params: Floats, problem: BinomialProblem, *, observed: bool = False) -> Evaluation:
    """Log-likelihood, score and information.

    Parameters
    ----------
    params : (K + p,) array
    problem : BinomialProblem
    observed : bool, default False
        Observed information (the same as expected for the logit); it makes the search quadratic. The
        default is the expected one, whose weights are those of R's glm.
    """
    eta = linear_predictor(params, problem)
    residual, expected, curvature = _working(eta, problem)
    weight = curvature if observed else expected
    gradient = np.concatenate([problem.by_level @ residual, residual @ problem.x])
    n_levels = problem.by_level.shape[0]
    information = np.empty((len(params), len(params)))
    information[:n_levels, :n_levels] = np.diag(problem.by_level @ weight)
    information[:n_levels, n_levels:] = _level_sums(problem.by_level, weight, problem.x)
    information[n_levels:, :n_levels] = information[:n_levels, n_levels:].T
    information[n_levels:, n_levels:] = weighted_cross_product(problem.x, weight)
    return Evaluation(_log_likelihood(eta, problem), gradient, information)


def score_sums(params: Floats, problem: BinomialProblem, group: NDArray[np.int64]) -> Floats:
    """Score summed over groups of rows coded 0..G-1, (G, K + p); over all rows it is the gradient."""
    residual, _, _ = _working(linear_predictor(params, problem), problem)
    n_groups, n = int(group.max()) + 1, len(group)
    by_level = sparse.csr_array(
        (residual, (group, problem.level)), shape=(n_groups, problem.by_level.shape[0])
    )
    by_row = sparse.csr_array((residual, (group, np.arange(n))), shape=(n_groups, n))
    return np.hstack([by_level.toarray(), by_row @ problem.x])


def starting_values(problem: BinomialProblem) -> Floats:
    """Level effects from the crude rates, slopes zero."""
    rate = (problem.by_level @ problem.successes + 0.5) / (problem.by_level @ problem.trials + 1.0)
    effect = np.log(rate / (1 - rate)) if problem.link == "logit" else np.log(-np.log1p(-rate))
    return np.concatenate([effect, np.zeros(problem.x.shape[1])])


def _working(eta: Floats, problem: BinomialProblem) -> tuple[Floats, Floats, Floats]:
    """First derivative of the log-likelihood in eta, and minus its second, expected and observed, by row."""
    successes, trials = problem.successes, problem.trials
    if problem.link == "logit":
        p = expit(eta)
        return successes - trials * p, trials * p * (1 - p), trials * p * (1 - p)
    # Beyond, the ratio below is zero to any precision, and must stay so when it is multiplied by the hazard.
    hazard = np.exp(np.minimum(eta, 100.0))
    # d log p / d eta = hazard (1 - p) / p, d log(1 - p) / d eta = -hazard; a tiny p underflows to the hazard.
    tiny = hazard < 1e-10
    ratio = np.where(
        tiny, 1.0 - hazard / 2, hazard / np.expm1(np.where(tiny, 1.0, np.minimum(hazard, 700.0)))
    )
    residual = successes * ratio - (trials - successes) * hazard
    curvature = successes * ratio * (ratio + hazard - 1.0) + (trials - successes) * hazard
    return residual, trials * hazard * ratio, curvature


def _level_sums(by_level: sparse.csr_array, weight: Floats, x: Floats) -> Floats:
    """Weighted sums of the rows of x by level, (K, p)."""
    scaled = sparse.csr_array(
        (weight[by_level.indices], by_level.indices, by_level.indptr), shape=by_level.shape
    )
    return scaled @ x


def _log_likelihood(eta: Floats, problem: BinomialProblem) -> float:
    failures = problem.trials - problem.successes
    return float(problem.successes @ _log_mean(eta, problem.link) + failures @ _log_rest(eta, problem.link))


def _log_mean(eta: Floats, link: Link) -> Floats:
    if link == "logit":
        return -np.logaddexp(0.0, -eta)
    hazard = np.exp(np.minimum(eta, 700.0))
    # log(1 - exp(-hazard)); for a tiny hazard it is eta - hazard / 2.
    small = hazard < 1e-10
    return np.where(small, eta - hazard / 2, np.log(-np.expm1(-np.where(small, 1.0, hazard))))


def _log_rest(eta: Floats, link: Link) -> Floats:
    return -np.logaddexp(0.0, eta) if link == "logit" else -np.exp(np.minimum(eta, 700.0))
