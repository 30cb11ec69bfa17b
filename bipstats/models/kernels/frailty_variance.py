r"""The variance of a shared frailty: integrated likelihoods, their maximum and the interval of their profile.

For a gamma frailty the integral has a closed form (Therneau, Grambsch & Pankratz 2003): with :math:`\nu = 1/\theta`,
:math:`d_g` events in group g and the penalised log partial likelihood at its maximum,

.. math:: L(\theta) = \mathrm{PPL} + \sum_g d_g + \nu \log\frac{\nu}{\nu + d_g} - d_g \log(\nu + d_g)
          + \log\frac{\Gamma(\nu + d_g)}{\Gamma(\nu)} .

For a log-normal one it is Laplace's approximation (Ripatti & Palmgren 2000), with the information
:math:`K + I/\theta` in b, :math:`L(\theta) = \mathrm{PPL} - \tfrac12 \log\det(I + \theta K)`. REML replaces K by the
information that estimating :math:`\beta` leaves, and solves :math:`\theta = (b'b + \mathrm{tr}) / G` with the trace
of its inverse. At :math:`\theta = 0` each is the log partial likelihood of the plain model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from bipstats.models.kernels.frailty import (
    GAMMA,
    NORMAL,
    FrailtyEvaluation,
    FrailtyProblem,
    Law,
    block_log_determinant,
    block_solve,
    evaluate,
    inverse_diagonal,
    penalised_log_likelihood,
    solve,
)
from bipstats.models.kernels.newton import Evaluation, Floats, maximise

_GRID = (1 / 64, 1 / 4, 4.0)
_STEP = 1e-4  # of log theta, in central differences of functions known to 13 digits
_STEP_OF_SLOPE = 1e-3  # of those known to 10


class NotConverged(ArithmeticError):
    """A search stopped short of its tolerance."""


class Unbounded(ArithmeticError):
    """The integrated likelihood still rises at the largest frailty variance looked at."""


@dataclass(frozen=True, slots=True)
class FrailtyFit:
    """Maximum of the penalised log partial likelihood at one frailty variance.

    Attributes
    ----------
    theta : float
        Frailty variance.
    params : (G + p,) array
        Log frailties, then coefficients.
    at : FrailtyEvaluation
    tangent : (G + p,) array
        Derivative of `params` in log theta.
    loglik : float
        Integrated log-likelihood.
    iterations : int
    """

    theta: float
    params: Floats
    at: FrailtyEvaluation
    tangent: Floats
    loglik: float
    iterations: int


@dataclass(frozen=True, slots=True)
class Method:
    """How a frailty variance is estimated.

    Attributes
    ----------
    law : Law
    loglik : callable
        (theta, evaluation at the maximum, problem) to the integrated log-likelihood.
    slope : callable
        (fit, problem) to its derivative in log theta (for REML, the estimating function of log theta).
    at_zero : callable
        (evaluation at b = 0, events of each group) to the slope in theta at zero.
    largest : float
        Variance beyond which no maximum is looked for; groups then differ by factors of millions.
    """

    law: Law
    loglik: Callable[[float, FrailtyEvaluation, FrailtyProblem], float]
    slope: Callable[[FrailtyFit, FrailtyProblem], float]
    at_zero: Callable[[FrailtyEvaluation, Floats], float]
    largest: float


def gamma_likelihood(theta: float, at: FrailtyEvaluation, problem: FrailtyProblem) -> float:
    """Marginal log-likelihood of a gamma frailty, exact."""
    deaths, (level, above) = problem.deaths, _levels(problem.deaths)
    constant = (deaths - (1 / theta + deaths) * np.log1p(deaths * theta)).sum() + above @ np.log1p(
        level * theta
    )
    return at.loglik + float(constant)


def gamma_slope(fit: FrailtyFit, problem: FrailtyProblem) -> float:
    """Derivative of the marginal log-likelihood of a gamma frailty in log theta."""
    theta, deaths, (level, above) = fit.theta, problem.deaths, _levels(problem.deaths)
    b = fit.params[: len(deaths)]
    return float(-(b - np.log1p(deaths * theta)).sum() / theta - above @ (1 / (1 + level * theta)))


def _levels(deaths: Floats) -> tuple[Floats, Floats]:
    """0, 1, ... and how many groups have more events than that: sums of Gamma functions are sums over these."""
    level = np.arange(int(deaths.max()), dtype=float)
    return level, (deaths[:, None] > level).sum(axis=0).astype(float)


def laplace_likelihood(theta: float, at: FrailtyEvaluation, problem: FrailtyProblem) -> float:
    """Laplace's approximation for a log-normal frailty."""
    return at.loglik - 0.5 * (block_log_determinant(at.block) + len(problem.deaths) * np.log(theta))


def laplace_slope(fit: FrailtyFit, problem: FrailtyProblem) -> float:
    """Derivative of Laplace's approximation in log theta; the determinant's by a central difference."""
    n_groups = len(problem.deaths)

    def log_determinant(shift: float) -> float:
        there = evaluate(fit.params + shift * fit.tangent, fit.theta * np.exp(shift), problem)
        return block_log_determinant(there.block)

    change = (log_determinant(_STEP) - log_determinant(-_STEP)) / (2 * _STEP) + n_groups
    b = fit.params[:n_groups]
    return float(b @ b / fit.theta - change) / 2


def reml_equation(fit: FrailtyFit, problem: FrailtyProblem) -> float:
    """McGilchrist's estimating function, as R's coxph has it."""
    n_groups = len(problem.deaths)
    b = fit.params[:n_groups]
    return float((b @ b + inverse_diagonal(fit.at).sum()) / fit.theta - n_groups) / 2


def _excess(at: FrailtyEvaluation, deaths: Floats) -> float:
    """Sum of squares of the groups' observed less expected events."""
    return float((at.gradient[: len(deaths)] ** 2).sum())


def _reml_at_zero(at: FrailtyEvaluation, deaths: Floats) -> float:
    # Of the information in (b, beta) at b = 0: what is left of b's when beta is estimated.
    whole = at.information + at.cross.T @ block_solve(at.block, at.cross)
    left = at.trace - float(np.trace(np.linalg.solve(whole, at.cross.T @ at.cross)))
    return 0.5 * (_excess(at, deaths) - left)


def _gamma_at_zero(at: FrailtyEvaluation, deaths: Floats) -> float:
    return 0.5 * (_excess(at, deaths) - float(deaths.sum()))


def _laplace_at_zero(at: FrailtyEvaluation, deaths: Floats) -> float:
    return 0.5 * (_excess(at, deaths) - at.trace)


GAMMA_ML = Method(GAMMA, gamma_likelihood, gamma_slope, _gamma_at_zero, 4.0**6)
LOGNORMAL_ML = Method(NORMAL, laplace_likelihood, laplace_slope, _laplace_at_zero, 4.0**3)
LOGNORMAL_REML = Method(NORMAL, laplace_likelihood, reml_equation, _reml_at_zero, 4.0**3)


@dataclass(slots=True)
class Profile:
    """Fits at frailty variances asked for so far; each search begins where the nearest leads.

    Attributes
    ----------
    problem : FrailtyProblem
    method : Method
    start : (p,) array
        Coefficients at variance zero.
    loglik_at_zero : float
        Log partial likelihood there.
    found : dict of float to FrailtyFit
    slopes : dict of float to float
    """

    problem: FrailtyProblem
    method: Method
    start: Floats
    loglik_at_zero: float
    found: dict[float, FrailtyFit] = field(default_factory=dict)
    slopes: dict[float, float] = field(default_factory=dict)

    def at(self, theta: float) -> FrailtyFit:
        """Fit at one frailty variance.

        Raises
        ------
        NoMaximum, NotConverged
        """
        if theta not in self.found:
            self.found[theta] = self._fit(theta)
        return self.found[theta]

    def loglik(self, theta: float) -> float:
        """Integrated log-likelihood at one frailty variance, zero included."""
        return self.at(theta).loglik if theta > 0 else self.loglik_at_zero

    def slope(self, theta: float) -> float:
        """Derivative of the integrated log-likelihood in log theta."""
        if theta not in self.slopes:
            self.slopes[theta] = self.method.slope(self.at(theta), self.problem)
        return self.slopes[theta]

    def slope_at_zero(self) -> float:
        """Derivative of the integrated log-likelihood in the variance at zero."""
        n_groups = len(self.problem.deaths)
        return self.method.at_zero(
            evaluate(np.concatenate([np.zeros(n_groups), self.start]), 1.0, self.problem), self.problem.deaths
        )

    def _fit(self, theta: float) -> FrailtyFit:
        problem, n_groups = self.problem, len(self.problem.deaths)
        best = maximise(
            lambda params: _evaluate_or_reject(params, theta, problem),
            lambda params: penalised_log_likelihood(params, theta, problem),
            self._nearest(theta),
            solve=lambda at: solve(at, at.gradient),
        )
        if not best.converged:
            raise NotConverged(f"at frailty variance {theta:.3g}")
        at = best.at
        assert isinstance(at, FrailtyEvaluation)
        pull = np.concatenate([-problem.law.slope(best.params[:n_groups]) / theta, np.zeros(len(self.start))])
        tangent = solve(at, pull)
        loglik = self.method.loglik(theta, at, problem)
        return FrailtyFit(theta, best.params, at, tangent, loglik, best.iterations)

    def _nearest(self, theta: float) -> Floats:
        if not self.found:
            return np.concatenate([np.zeros(len(self.problem.deaths)), self.start])
        near = self.found[min(self.found, key=lambda other: abs(np.log(other / theta)))]
        step = np.log(theta / near.theta)
        return near.params + step * near.tangent if abs(step) < 1 else near.params


def _evaluate_or_reject(params: Floats, theta: float, problem: FrailtyProblem) -> Evaluation:
    """Evaluate; a trial step so far off that the information cannot be factorised is to be shortened."""
    try:
        return evaluate(params, theta, problem)
    except (np.linalg.LinAlgError, ValueError):  # ValueError: not finite
        return Evaluation(-np.inf, params, np.eye(len(params) - len(problem.deaths)))


def best_variance(profile: Profile) -> FrailtyFit | None:
    """Frailty variance with the highest integrated likelihood; None if that is zero.

    Raises
    ------
    Unbounded
        The likelihood still rises at the largest variance looked at.
    NoMaximum, NotConverged
        A fit at one of the variances failed.
    """
    rising = profile.slope_at_zero()
    grid = list(_GRID)
    slopes = [profile.slope(theta) for theta in grid]  # upwards, so that each fit begins where the last leads
    while slopes[-1] > 0:
        if grid[-1] >= profile.method.largest:
            raise Unbounded
        grid.append(4 * grid[-1])
        slopes.append(profile.slope(grid[-1]))
    maxima = []
    if rising > 0 >= slopes[0]:
        maxima.append(
            _root(lambda theta: profile.slope(theta) / theta if theta > 0 else rising, 0.0, grid[0])
        )
    for low, high in pairwise(grid):
        if profile.slope(low) > 0 >= profile.slope(high):
            maxima.append(_root_in_log(profile.slope, low, high))
    best = max((profile.at(theta) for theta in maxima), key=lambda fit: fit.loglik, default=None)
    return None if best is None or (rising <= 0 and best.loglik <= profile.loglik_at_zero) else best


def profile_interval(profile: Profile, theta: float, drop: float) -> tuple[float, float]:
    """Ends of the variances at which the integrated log-likelihood is no more than `drop` below that at theta.

    The upper is infinite if it has not fallen so far at the largest variance looked at.
    """
    highest = profile.loglik(theta)

    def above(size: float) -> float:
        # The square root of the fall is nearly linear in log theta, which makes the roots quick to find.
        return float(np.sqrt(drop) - np.sqrt(max(highest - profile.at(size).loglik, 0.0)))

    low = 0.0
    if profile.loglik_at_zero < highest - drop:
        low = theta / 4
        while above(low) > 0:
            low /= 4
        low = _root_in_log(above, low, 4 * low)
    outside = max(theta, float(_GRID[0]))
    while above(outside) > 0:
        if outside >= profile.method.largest:
            return low, np.inf
        outside *= 4
    inside = max(theta, outside / 4)
    while above(inside) <= 0:  # a variance of zero, of which little more is known than that
        inside /= 4
    return low, _root_in_log(above, inside, outside)


def curvature(profile: Profile, theta: float) -> float:
    """Observed information in log theta: minus the derivative of the slope."""
    up, down = (profile.slope(theta * float(np.exp(step))) for step in (_STEP_OF_SLOPE, -_STEP_OF_SLOPE))
    return (down - up) / (2 * _STEP_OF_SLOPE)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-14))


def _root_in_log(function: Callable[[float], float], low: float, high: float) -> float:
    return float(
        np.exp(brentq(lambda size: function(float(np.exp(size))), np.log(low), np.log(high), xtol=1e-10))
    )
