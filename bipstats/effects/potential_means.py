"""Mean outcomes had everybody had the same exposure, with their influence functions. Arrays only.

Every estimator gives means (K,) and influences (n, K): the mean of level k moves by the sum of its column, row by
row, so that any clustering of the rows gives a covariance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bipstats.models.kernels import multinomial
from bipstats.models.kernels.multinomial import MultinomialProblem
from bipstats.threads import one_thread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SINGULAR = 1e-10
"""Least eigenvalue of a correlation-like matrix of regressors that still tells their coefficients."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """Rows with an outcome and one of K exposures.

    Attributes
    ----------
    y : (n,) array
    level : (n,) integer array
        Codes 0..K-1.
    x : (n, p) array
        Covariates, the column of ones first.
    weight : (n,) array
        What each row stands for; taken as known.
    n_levels : int
    """

    y: Floats
    level: Ints
    x: Floats
    weight: Floats
    n_levels: int

    def take(self, rows: NDArray[np.bool_]) -> Exposed:
        """Some of the rows."""
        return Exposed(self.y[rows], self.level[rows], self.x[rows], self.weight[rows], self.n_levels)

    @property
    def taken(self) -> Floats:
        """Indicator of each level, (n, K)."""
        return (self.level[:, None] == np.arange(self.n_levels)) * 1.0

    @property
    def choice(self) -> MultinomialProblem:
        """The exposure as an outcome."""
        return MultinomialProblem(self.x, self.level, self.weight, self.n_levels)


@dataclass(frozen=True, slots=True)
class PotentialMeans:
    """Means by level.

    Attributes
    ----------
    means : (K,) array
    influence : (n, K) array
    chance : (n, K) array or None
        Estimated chance of each exposure, where the estimator has it.
    balancing : (n,) array
        Weight of each row, case weight included, under which every exposure should look like the target.
    target : (n,) array
        Weight of each row in the population that the means are of.
    """

    means: Floats
    influence: Floats
    chance: Floats | None
    balancing: Floats
    target: Floats


def observed_means(rows: Exposed) -> PotentialMeans:
    """Means of those who had each exposure, unadjusted."""
    ones = Exposed(rows.y, rows.level, np.ones((len(rows.y), 1)), rows.weight, rows.n_levels)
    return outcome_regression(ones)


def outcome_regression(rows: Exposed) -> PotentialMeans:
    r"""Least squares of the outcome within each exposure, averaged over everybody (g-computation).

    Notes
    -----
    :math:`\hat\theta_k = \bar x'\hat\beta_k`, whose influence has the part of the mean, :math:`w_i(x_i'\hat\beta_k -
    \hat\theta_k)/W`, and that of the coefficients, :math:`\bar x' A_k^{-1} x_i w_i e_i 1\{A_i = k\}`.
    """
    total = rows.weight.sum()
    average = rows.weight @ rows.x / total
    means, influence = np.empty(rows.n_levels), np.empty((len(rows.y), rows.n_levels))
    for k in range(rows.n_levels):
        weight = rows.weight * (rows.level == k)
        cross = rows.x.T @ (weight[:, None] * rows.x)
        solved = _solve(cross, np.stack([rows.x.T @ (weight * rows.y), average], axis=1))
        fitted = rows.x @ solved[:, 0]
        means[k] = average @ solved[:, 0]
        influence[:, k] = rows.weight * (fitted - means[k]) / total
        influence[:, k] += (rows.x @ solved[:, 1]) * weight * (rows.y - fitted)
    return PotentialMeans(means, influence, None, rows.weight, rows.weight)


def inverse_probability(rows: Exposed, *, overlap: bool) -> PotentialMeans:
    r"""Weighted means by the chance of the exposure, estimated by a multinomial logit.

    Parameters
    ----------
    rows : Exposed
    overlap : bool
        Weights :math:`h(x)/e_k(x)` with :math:`h = 1/\sum_k e_k^{-1}` (generalised overlap weights) in the place of
        :math:`1/e_k(x)`.

    Notes
    -----
    :math:`\hat\theta_k = \sum_i q_{ik} y_i / \sum_i q_{ik}` over rows of exposure k. Its influence is
    :math:`q_{ik}(y_i - \hat\theta_k)/Q_k` plus what the estimated chances add: the derivative of the sum in the
    parameters of the logit, times their influence. With :math:`\partial \log e_k / \partial\gamma_j =
    (1\{k = j\} - e_j) x`, that of the log-weight is minus it for inverse weights, and :math:`(h/e_j - 1\{k = j\}) x`
    for overlap weights.
    """
    with one_thread():
        best = multinomial.fit(rows.choice)
    chance = multinomial.probabilities(best.params, rows.x)
    moved = np.linalg.solve(best.at.information, multinomial.scores(best.params, rows.choice).T)
    tilt = 1 / (1 / chance).sum(axis=1) if overlap else np.ones(len(rows.y))
    means, influence = np.empty(rows.n_levels), np.empty((len(rows.y), rows.n_levels))
    balancing = rows.weight * tilt / chance[np.arange(len(rows.y)), rows.level]
    for k in range(rows.n_levels):
        weight = np.where(rows.level == k, balancing, 0.0)
        total = weight.sum()
        means[k] = weight @ rows.y / total
        own = weight * (rows.y - means[k]) / total
        same = np.arange(1, rows.n_levels) == k
        slope = tilt[:, None] / chance[:, 1:] - same if overlap else chance[:, 1:] - same
        derivative = ((own[:, None] * slope).T @ rows.x).ravel()
        influence[:, k] = own + derivative @ moved
    return PotentialMeans(means, influence, chance, balancing, rows.weight * tilt)


def doubly_robust(rows: Exposed, fold: Ints) -> PotentialMeans:
    r"""Augmented inverse-probability weighting, cross-fitted.

    Parameters
    ----------
    rows : Exposed
    fold : (n,) integer array
        Codes 0..F-1; both models of a fold are fitted to the rows of the others.

    Notes
    -----
    :math:`\hat\theta_k` is the mean of :math:`m_k(x_i) + 1\{A_i = k\}(y_i - m_k(x_i))/e_k(x_i)`, with least squares
    within exposures for m and a multinomial logit for e. The estimated models add nothing to the influence to first
    order (Chernozhukov et al. 2018).
    """
    n, levels = len(rows.y), rows.n_levels
    fitted, chance = np.empty((n, levels)), np.empty((n, levels))
    for one in range(int(fold.max()) + 1):
        here = fold == one
        others = rows.take(~here)
        with one_thread():
            best = multinomial.fit(others.choice)
        chance[here] = multinomial.probabilities(best.params, rows.x[here])
        for k in range(levels):
            own = others.take(others.level == k)
            cross = own.x.T @ (own.weight[:, None] * own.x)
            fitted[here, k] = rows.x[here] @ _solve(cross, own.x.T @ (own.weight * own.y))
    pseudo = fitted + rows.taken * (rows.y[:, None] - fitted) / chance
    total = rows.weight.sum()
    means = rows.weight @ pseudo / total
    influence = rows.weight[:, None] * (pseudo - means) / total
    balancing = rows.weight / chance[np.arange(n), rows.level]
    return PotentialMeans(means, influence, chance, balancing, rows.weight)


def _solve(cross: Floats, right: Floats) -> Floats:
    """Solve normal equations; LinAlgError also where rounding hides that they have no single solution."""
    scale = np.sqrt(np.diag(cross))
    if not scale.all() or np.linalg.eigvalsh(cross / np.outer(scale, scale))[0] < _SINGULAR:
        raise np.linalg.LinAlgError("Singular matrix")
    return np.asarray(np.linalg.solve(cross, right))
