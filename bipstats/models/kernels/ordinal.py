"""Proportional odds: ordered levels cut from a logistic variable.

Notation of McCullagh (1980): levels 0..K-1, cuts c_1 < ... < c_{K-1}, P(y >= k) = expit(x'b - c_k). Parameters are the
first cut, the logarithms of the gaps between cuts, and the slopes, so that every point is a proper law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bipstats.models.kernels.newton import Evaluation, Optimum, maximise

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OrdinalProblem:
    """Rows of ordered levels.

    Attributes
    ----------
    x : (n, p) array
        Without a column of ones.
    level : (n,) integer array
        Codes 0..K-1, each of which occurs.
    weight : (n,) array
    n_levels : int
    """

    x: Floats
    level: Ints
    weight: Floats
    n_levels: int


def fit(problem: OrdinalProblem) -> Optimum:
    """Maximise the likelihood; raises `NoMaximum`."""
    counts = np.bincount(problem.level, problem.weight, problem.n_levels)
    above = np.cumsum(counts[::-1])[::-1][1:] / counts.sum()
    cuts = -np.log(above / (1 - above))
    start = np.concatenate([cuts[:1], np.log(np.diff(cuts)), np.zeros(problem.x.shape[1])])
    return maximise(lambda b: evaluate(b, problem), lambda b: log_likelihood(b, problem), start)


def cuts_of(params: Floats, n_levels: int) -> Floats:
    """Cuts, (K - 1,)."""
    return np.cumsum(np.concatenate([params[:1], np.exp(params[1 : n_levels - 1])]))


def probabilities(params: Floats, x: Floats, n_levels: int) -> Floats:
    """Chance of each level, (n, K)."""
    eta = x @ params[n_levels - 1 :]
    above = expit(eta[:, None] - cuts_of(params, n_levels))
    ends = np.ones((len(x), 1)), np.zeros((len(x), 1))
    return np.asarray(-np.diff(np.hstack([ends[0], above, ends[1]]), axis=1))


def log_likelihood(params: Floats, problem: OrdinalProblem) -> float:
    """Log-likelihood."""
    with np.errstate(divide="ignore"):
        chance = probabilities(params, problem.x, problem.n_levels)[np.arange(len(problem.x)), problem.level]
        return float(problem.weight @ np.log(chance))


def _parts(params: Floats, problem: OrdinalProblem) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    r"""Chance of the level, and the logistic density at its two ends with its derivative.

    With :math:`P = F(u) - F(l)`, u and l the upper and lower ends less the predictor: (P, f(l), f(u), f'(l), f'(u)).
    """
    cuts = cuts_of(params, problem.n_levels)
    eta = problem.x @ params[problem.n_levels - 1 :]
    padded = np.concatenate([[-np.inf], cuts, [np.inf]])
    low, high = padded[problem.level] - eta, padded[problem.level + 1] - eta
    below, above = expit(low), expit(high)
    chance = np.where(
        low > 0, expit(-low) - expit(-high), above - below
    )  # the smaller tails keep their digits
    density_low, density_high = below * (1 - below), above * (1 - above)
    return chance, density_low, density_high, density_low * (1 - 2 * below), density_high * (1 - 2 * above)


def scores(params: Floats, problem: OrdinalProblem) -> Floats:
    """Gradient row by row, (n, K - 1 + p), in the parameters."""
    chance, low, high, _, _ = _parts(params, problem)
    n, k = len(problem.x), problem.n_levels - 1
    by_cut = np.zeros((n, k + 2))
    rows = np.arange(n)
    by_cut[rows, problem.level] -= low / chance
    by_cut[rows, problem.level + 1] += high / chance
    by_slope = ((low - high) / chance)[:, None] * problem.x
    whole = np.hstack([by_cut[:, 1:-1] @ _cut_jacobian(params, k), by_slope])
    return np.asarray(problem.weight[:, None] * whole)


def _cut_jacobian(params: Floats, k: int) -> Floats:
    """Derivative of the cuts in the first cut and the log-gaps, (K - 1, K - 1)."""
    jacobian = np.tril(np.ones((k, k)))
    jacobian[:, 1:] *= np.exp(params[1:k])
    return jacobian


def evaluate(params: Floats, problem: OrdinalProblem) -> Evaluation:
    """Log-likelihood, gradient and observed information."""
    chance, low, high, bend_low, bend_high = _parts(params, problem)
    n, k, p = len(problem.x), problem.n_levels - 1, problem.x.shape[1]
    rows, weight = np.arange(n), problem.weight
    # In the two ends of each row's level: first and second derivatives of log P.
    first_low, first_high = -low / chance, high / chance
    second_low = -bend_low / chance - first_low**2
    second_high = bend_high / chance - first_high**2
    mixed = -first_low * first_high
    ends = np.zeros((n, k + 2, 2))
    ends[rows, problem.level, 0] = 1.0
    ends[rows, problem.level + 1, 1] = 1.0
    inner = ends[:, 1:-1]
    hessian = np.zeros((k + p, k + p))
    pieces = ((0, 0, second_low), (1, 1, second_high), (0, 1, mixed), (1, 0, mixed))
    for a, b, second in pieces:
        left = np.hstack([inner[:, :, a], -problem.x])
        right = np.hstack([inner[:, :, b], -problem.x])
        hessian += left.T @ ((weight * second)[:, None] * right)
    gradient_cuts = inner[:, :, 0].T @ (weight * first_low) + inner[:, :, 1].T @ (weight * first_high)
    gradient_slopes = -(problem.x.T @ (weight * (first_low + first_high)))
    jacobian = np.eye(k + p)
    jacobian[:k, :k] = _cut_jacobian(params, k)
    information = -jacobian.T @ hessian @ jacobian
    # The gaps are exponentials: their second derivative meets the gradient.
    tails = np.array([gradient_cuts[j:].sum() for j in range(1, k)])
    information[np.arange(1, k), np.arange(1, k)] -= tails * np.exp(params[1:k])
    gradient = jacobian.T @ np.concatenate([gradient_cuts, gradient_slopes])
    with np.errstate(divide="ignore"):
        return Evaluation(float(weight @ np.log(chance)), gradient, information)
