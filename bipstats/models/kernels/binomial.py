"""Binomial regression with logit or complementary log-log link, and one factor kept as codes.

The factor (the periods of a duration model; a single level is the intercept) is never expanded to columns:
its block of the information is diagonal and its cross block is a sum by level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

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
    return working(linear_predictor(params, problem), problem).loglik


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
    here = working(linear_predictor(params, problem), problem)
    weight = here.observed if observed else here.expected
    gradient = np.concatenate([problem.by_level @ here.residual, here.residual @ problem.x])
    n_levels = problem.by_level.shape[0]
    information = np.empty((len(params), len(params)))
    information[:n_levels, :n_levels] = np.diag(problem.by_level @ weight)
    information[:n_levels, n_levels:] = weighted_sums(problem.by_level, weight) @ problem.x
    information[n_levels:, :n_levels] = information[:n_levels, n_levels:].T
    information[n_levels:, n_levels:] = weighted_cross_product(problem.x, weight)
    return Evaluation(here.loglik, gradient, information)


def score_sums(params: Floats, problem: BinomialProblem, group: NDArray[np.int64]) -> Floats:
    """Score summed over groups of rows coded 0..G-1, (G, K + p); over all rows it is the gradient."""
    residual = working(linear_predictor(params, problem), problem).residual
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


class Counts(Protocol):
    """What the working quantities need of a problem."""

    @property
    def successes(self) -> Floats:
        """Weighted successes, (n,)."""

    @property
    def trials(self) -> Floats:
        """Weighted trials, (n,)."""

    @property
    def link(self) -> Link:
        """Link of the model."""


@dataclass(frozen=True, slots=True)
class Working:
    """Log-likelihood at a linear predictor, with its derivatives in it by row.

    Attributes
    ----------
    terms : (n,) array
        Log-likelihood of each row.
    residual : (n,) array
        First derivative.
    expected, observed : (n,) arrays
        Minus the second derivative.
    """

    terms: Floats
    residual: Floats
    expected: Floats
    observed: Floats

    @property
    def loglik(self) -> float:
        """Log-likelihood."""
        return float(self.terms.sum())


def working(eta: Floats, counts: Counts) -> Working:
    """Log-likelihood and its derivatives in eta, of as few transcendental functions as there can be."""
    successes, trials = counts.successes, counts.trials
    failures = trials - successes
    if counts.link == "logit":
        small = np.exp(-np.abs(eta))  # odds, or their inverse: no overflow
        terms = _logit_terms(eta, small, counts)
        p = np.where(eta >= 0, 1.0, small) / (1.0 + small)
        weight = trials * small / (1.0 + small) ** 2
        return Working(terms, successes - trials * p, weight, weight)
    hazard = np.exp(np.minimum(eta, 700.0))
    # d log p / d eta = hazard (1 - p) / p, d log(1 - p) / d eta = -hazard; a tiny p underflows to the hazard.
    tiny = hazard < 1e-10
    odds = np.where(tiny, 1.0, np.expm1(np.minimum(hazard, 700.0)))
    # Far out the ratio is zero, and must stay so when it is multiplied by the hazard.
    ratio = np.where(tiny, 1.0 - hazard / 2, np.where(hazard < 700.0, hazard / odds, 0.0))
    hit = successes > 0
    log_p = np.where(tiny[hit], eta[hit] - hazard[hit] / 2, -np.log1p(1 / odds[hit]))
    residual = successes * ratio - failures * hazard
    observed = successes * ratio * (ratio + hazard - 1.0) + failures * hazard
    terms = -failures * hazard
    terms[hit] += successes[hit] * log_p
    return Working(terms, residual, trials * hazard * ratio, observed)


def row_log_likelihoods(eta: Floats, counts: Counts) -> Floats:
    """Log-likelihood of each row alone, (n,)."""
    if counts.link == "logit":
        return _logit_terms(eta, np.exp(-np.abs(eta)), counts)
    return working(eta, counts).terms


def _logit_terms(eta: Floats, small: Floats, counts: Counts) -> Floats:
    """Log-likelihood of each row of a logit; `small` is exp(-|eta|)."""
    against = np.where(eta >= 0, counts.trials - counts.successes, counts.successes)
    return -against * np.abs(eta) - counts.trials * np.log1p(small)


def weighted_sums(incidence: sparse.csr_array, weight: Floats) -> sparse.csr_array:
    """Matrix of ones whose product with the rows of x is their weighted sums by level."""
    data = weight[incidence.indices]
    return sparse.csr_array((data, incidence.indices, incidence.indptr), shape=incidence.shape)
