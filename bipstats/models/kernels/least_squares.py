"""Weighted least squares with a Gaussian log-likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bipstats.models.kernels.cox import weighted_cross_product
from bipstats.models.kernels.newton import Evaluation, Floats
from bipstats.threads import one_thread


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """A linear regression ready to fit.

    Attributes
    ----------
    x : (n, p) array
        Regressors, the constant among them, or net of absorbed effects.
    y, weight : (n,) arrays
    n_params : int
        Columns of x and absorbed effects.
    """

    x: Floats
    y: Floats
    weight: Floats
    n_params: int


@dataclass(frozen=True, slots=True)
class Solution:
    """A least-squares fit.

    Attributes
    ----------
    params : (p,) array
    residual : (n,) array
    cross : (p, p) array
        X'WX.
    variance : float
        Weighted sum of squared residuals over n less the number of parameters.
    """

    params: Floats
    residual: Floats
    cross: Floats
    variance: float


def solve(problem: LeastSquares) -> Solution:
    """Fit by least squares."""
    return at(*coefficients(problem), problem)


def coefficients(problem: LeastSquares) -> tuple[Floats, Floats]:
    """Solve the normal equations of well-scaled columns, and once more for what rounding left (Björck 1987).

    Returns
    -------
    params : (p,) array
    cross : (p, p) array
        X'WX.

    Raises
    ------
    numpy.linalg.LinAlgError
        X'WX is singular.
    """
    x, weight = problem.x, problem.weight
    params, cross = np.zeros(x.shape[1]), cross_product(problem)
    for _ in range(2):
        params = params + np.linalg.solve(cross, (weight * (problem.y - x @ params)) @ x)
    return params, cross


def cross_product(problem: LeastSquares) -> Floats:
    """X'WX, (p, p)."""
    with one_thread():
        return weighted_cross_product(problem.x, problem.weight)


def at(params: Floats, cross: Floats, problem: LeastSquares) -> Solution:
    """Residuals and their variance at given parameters."""
    residual = problem.y - problem.x @ params
    variance = problem.weight @ residual**2 / (len(residual) - problem.n_params)
    return Solution(params, residual, cross, float(variance))


def evaluate(found: Solution, problem: LeastSquares) -> Evaluation:
    """Gaussian log-likelihood at its own variance (as R's logLik), gradient and information at the fit's `variance`."""
    n = len(found.residual)
    squares = problem.weight @ found.residual**2
    loglik = (np.log(problem.weight).sum() - n * (np.log(2 * np.pi * squares / n) + 1)) / 2
    gradient = (problem.weight * found.residual) @ problem.x / found.variance
    return Evaluation(float(loglik), gradient, found.cross / found.variance)
