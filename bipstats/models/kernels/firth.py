r"""Logit with Jeffreys' prior as penalty (Firth 1993): finite under separation, bias of order :math:`n^{-2}`.

The penalised log-likelihood is :math:`l^*(\beta) = l(\beta) + \tfrac12 \log |I(\beta)|` with the information
:math:`I = X'WX`, :math:`w_i = m_i p_i (1 - p_i)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky
from scipy.special import expit

from bipstats.models.kernels.cox import weighted_cross_product
from bipstats.models.kernels.newton import Evaluation, Floats

_PRODUCTS = 1 << 19  # numbers held at once by the sums over pairs of columns


@dataclass(frozen=True, slots=True)
class FirthProblem:
    """A penalised logit ready to evaluate.

    Attributes
    ----------
    x : (n, k) array
        Covariates with the column of the intercept, of full rank.
    successes, trials : (n,) arrays
        Counts; a row with m trials is m rows, in the likelihood and in the penalty.
    """

    x: Floats
    successes: Floats
    trials: Floats


def firth_problem(x: Floats, successes: Floats, trials: Floats) -> FirthProblem:
    """Add the intercept to covariates (n, p)."""
    return FirthProblem(np.column_stack([np.ones(len(x)), x]), successes, trials)


def starting_values(problem: FirthProblem) -> Floats:
    """Log odds of all rows together, and no slopes."""
    rate = (problem.successes.sum() + 0.5) / (problem.trials.sum() + 1.0)
    start = np.zeros(problem.x.shape[1])
    start[0] = np.log(rate / (1 - rate))
    return start


def penalised_log_likelihood(params: Floats, problem: FirthProblem) -> float:
    r"""Log-likelihood plus :math:`\tfrac12 \log |I|`; minus infinity where the information is singular."""
    eta = problem.x @ params
    p = expit(eta)
    information = weighted_cross_product(problem.x, problem.trials * p * (1 - p))
    sign, log_determinant = np.linalg.slogdet(information)
    return _log_likelihood(eta, problem) + 0.5 * float(log_determinant) if sign > 0 else -np.inf


def scoring(params: Floats, problem: FirthProblem) -> Evaluation:
    r"""Log-likelihood without the penalty, modified score, and expected information.

    Notes
    -----
    The modified score is :math:`U^* = \sum_i (y_i - m_i p_i + h_i (\tfrac12 - p_i)) x_i` with the leverages
    :math:`h_i = w_i x_i' I^{-1} x_i`; it is zero at the estimate, whose covariance is :math:`I^{-1}`.
    """
    eta = problem.x @ params
    p = expit(eta)
    weight = problem.trials * p * (1 - p)
    information = weighted_cross_product(problem.x, weight)
    leverage = weight * _quadratic_forms(problem.x, information)[1]
    residual = problem.successes - problem.trials * p + leverage * (0.5 - p)
    return Evaluation(_log_likelihood(eta, problem), residual @ problem.x, information)


def evaluate(params: Floats, problem: FirthProblem) -> Evaluation:
    r"""Penalised log-likelihood, modified score, and minus the second derivative where it is positive definite.

    Elsewhere, far from the maximum, the expected information stands in its place: its step goes uphill too.

    Notes
    -----
    With :math:`q_i = x_i' I^{-1} x_i`, :math:`w_i' = w_i (1 - 2 p_i)`, :math:`w_i'' = w_i (1 - 6 p_i (1 - p_i))`
    and :math:`A_r = X' \mathrm{diag}(w' x_r) X`, minus the second derivative is

    .. math:: X' \mathrm{diag}(w - \tfrac12 w'' q) X + \tfrac12 \mathrm{tr}(I^{-1} A_r I^{-1} A_s)_{rs},

    at a cost of :math:`n k^3` operations.
    """
    x, eta = problem.x, problem.x @ params
    p = expit(eta)
    weight = problem.trials * p * (1 - p)
    expected = weighted_cross_product(x, weight)
    if not _positive_definite(expected):  # too far out to go on from
        return Evaluation(-np.inf, np.zeros(len(params)), expected)
    rows, form = _quadratic_forms(x, expected)
    slope, curvature = weight * (1 - 2 * p), weight * (1 - 6 * p * (1 - p))
    gradient = (problem.successes - problem.trials * p + 0.5 * slope * form) @ x
    observed = weighted_cross_product(x, weight - 0.5 * curvature * form) + 0.5 * _traces(x, slope, rows)
    loglik = _log_likelihood(eta, problem) + 0.5 * float(np.linalg.slogdet(expected)[1])
    return Evaluation(loglik, gradient, observed if _positive_definite(observed) else expected)


def _quadratic_forms(x: Floats, information: Floats) -> tuple[Floats, Floats]:
    """Rows of x in the metric of the information, (n, k), and their squared lengths x' I^-1 x, (n,)."""
    rows = x @ np.linalg.inv(cholesky(information, lower=True)).T
    return rows, np.einsum("ij,ij->i", rows, rows)


def _traces(x: Floats, slope: Floats, rows: Floats) -> Floats:
    """Traces of the products of the standardised derivatives of the information, (k, k)."""
    k = x.shape[1]
    total = np.zeros((k, k * k))
    step = max(1, _PRODUCTS // (k * k))
    for low in range(0, len(x), step):
        here = slice(low, low + step)
        pairs = (rows[here, :, None] * rows[here, None, :]).reshape(-1, k * k)
        total += (slope[here, None] * x[here]).T @ pairs
    return total @ total.T


def _positive_definite(matrix: Floats) -> bool:
    try:
        cholesky(matrix)
    except (np.linalg.LinAlgError, ValueError):  # ValueError: not finite
        return False
    return True


def _log_likelihood(eta: Floats, problem: FirthProblem) -> float:
    failures = problem.trials - problem.successes
    return -float(problem.successes @ np.logaddexp(0.0, -eta) + failures @ np.logaddexp(0.0, eta))
