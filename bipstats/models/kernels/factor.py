"""One common factor by maximum likelihood.

Notation of Jöreskog (1967): a correlation matrix S of k items, loadings λ, unique variances ψ, Σ = λλ' + diag(ψ).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]

LEAST_UNIQUE = 0.005
"""Smallest unique variance, as R's factanal: below it an item would be the factor itself (a Heywood case)."""


@dataclass(frozen=True, slots=True)
class OneFactor:
    r"""A one-factor solution.

    Attributes
    ----------
    loadings : (k,) array
        Their sum is positive.
    unique : (k,) array
    discrepancy : float
        :math:`\log|\Sigma| + \operatorname{tr}(S\Sigma^{-1}) - \log|S| - k`; times n - 1 it is the likelihood
        ratio against a free correlation matrix.
    at_bound : bool
        Whether some unique variance is at its least.
    """

    loadings: Floats
    unique: Floats
    discrepancy: float
    at_bound: bool

    @property
    def df(self) -> int:
        """Degrees of freedom of the discrepancy, ``k(k - 1)/2 - k``."""
        k = len(self.loadings)
        return k * (k - 1) // 2 - k

    @property
    def score_weights(self) -> Floats:
        r"""Weights of Thomson's regression score, :math:`\Sigma^{-1}\lambda`, (k,)."""
        implied = np.outer(self.loadings, self.loadings) + np.diag(self.unique)
        return np.asarray(np.linalg.solve(implied, self.loadings))

    @property
    def omega(self) -> float:
        """Share of the variance of the sum of the items that is the factor's (McDonald's omega)."""
        common = float(self.loadings.sum() ** 2)
        return common / (common + float(self.unique.sum()))


def one_factor(correlation: Floats) -> OneFactor:
    r"""Maximise the likelihood over the unique variances; loadings follow in closed form.

    Parameters
    ----------
    correlation : (k, k) array
        Positive definite, k of three or more.

    Notes
    -----
    With :math:`\theta_1 \ge \dots \ge \theta_k` the eigenvalues of :math:`\psi^{-1/2} S \psi^{-1/2}` and v the first
    eigenvector, :math:`\lambda = \psi^{1/2} v (\theta_1 - 1)^{1/2}` and the discrepancy is
    :math:`\sum_{j > 1} (\theta_j - \log\theta_j - 1)`; its derivative in :math:`\psi_i` is
    :math:`(\Sigma - S)_{ii} / \psi_i^2`.

    References
    ----------
    Jöreskog, K. (1967). Some contributions to maximum likelihood factor analysis. *Psychometrika*.
    """
    start = np.clip(
        1 / np.diag(np.linalg.inv(correlation)) * 0.75, 2 * LEAST_UNIQUE, 1.0
    )  # below the SMC's bound

    def value(unique: Floats) -> tuple[float, Floats]:
        loadings, theta = _given(unique, correlation)
        rest = theta[:-1]
        implied = loadings**2 + unique
        return float(np.sum(rest - np.log(rest) - 1)), (implied - np.diag(correlation)) / unique**2

    best = minimize(
        value, start, jac=True, method="L-BFGS-B", bounds=[(LEAST_UNIQUE, 1.0)] * len(start),
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 2000, "maxfun": 5000},
    )  # fmt: skip
    loadings, theta = _given(best.x, correlation)
    at_bound = bool((best.x <= LEAST_UNIQUE * (1 + 1e-9)).any())
    return OneFactor(loadings, best.x, float(np.sum(theta[:-1] - np.log(theta[:-1]) - 1)), at_bound)


def _given(unique: Floats, correlation: Floats) -> tuple[Floats, Floats]:
    """Loadings and eigenvalues (ascending) at given unique variances."""
    root = np.sqrt(unique)
    theta, vectors = np.linalg.eigh(correlation / np.outer(root, root))
    loadings = root * vectors[:, -1] * np.sqrt(max(theta[-1] - 1, 0.0))
    return loadings * (1.0 if loadings.sum() >= 0 else -1.0), np.maximum(theta, 1e-300)
