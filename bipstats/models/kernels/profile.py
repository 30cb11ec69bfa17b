"""Profile likelihood of one linear combination of the parameters: test and interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space
from scipy.optimize import brentq

from bipstats.models.kernels.newton import Evaluation, Floats, NoMaximum, maximise

_DOUBLINGS = 60
_BRANCHES = 10
_ERRORS_AWAY = 3.0


@dataclass(frozen=True, slots=True)
class Objective:
    """A log-likelihood (penalised or not) and its maximum.

    Attributes
    ----------
    evaluate : callable
        Parameter (p,) to `Evaluation`.
    loglik : callable
        Parameter (p,) to the value alone.
    best : (p,) array
        Where it is largest.
    concave : bool
        Whether it has one maximum under any linear constraint; else searches are made from several places.
    """

    evaluate: Callable[[Floats], Evaluation]
    loglik: Callable[[Floats], float]
    best: Floats
    concave: bool


def constrained(objective: Objective, direction: Floats, value: float, near: Floats) -> Floats:
    r"""Maximise subject to :math:`a'\theta = b`.

    Parameters
    ----------
    objective : Objective
    direction : (p,) array
        The combination a.
    value : float
        b.
    near : (p,) array
        Where to begin.

    Returns
    -------
    (p,) array

    Notes
    -----
    A penalised likelihood can have two maxima where a parameter is held far out. Having found one, the search
    is made again from three standard errors to both sides of it along every principal axis.
    """
    found = _highest(objective, direction, value, [near])
    if objective.concave:
        return found
    basis = null_space(direction[None, :])
    curvature, axes = np.linalg.eigh(basis.T @ objective.evaluate(found).information @ basis)
    reach = _ERRORS_AWAY * (basis @ axes / np.sqrt(np.maximum(curvature, np.finfo(float).tiny))).T
    return _highest(objective, direction, value, [found, *(found + reach), *(found - reach)])


def statistic(objective: Objective, at: Floats) -> float:
    """Likelihood-ratio statistic of a constrained maximum against the maximum."""
    return max(2 * (objective.loglik(objective.best) - objective.loglik(at)), 0.0)


def interval(objective: Objective, direction: Floats, quantile: float) -> tuple[float, float]:
    r"""Values of :math:`a'\theta` whose likelihood-ratio statistic is at most the quantile squared.

    Parameters
    ----------
    objective : Objective
    direction : (p,) array
        The combination a.
    quantile : float
        Of the standard normal, 1.96 for 95 %.
    """
    information = objective.evaluate(objective.best).information
    half = quantile * float(np.sqrt(direction @ np.linalg.solve(information, direction)))
    return _end(objective, direction, -half, quantile), _end(objective, direction, half, quantile)


def _end(objective: Objective, direction: Floats, step: float, quantile: float) -> float:
    """Where the profile falls to the quantile on the side of `step`."""
    inner = float(direction @ objective.best)
    known = {inner: objective.best}  # constrained maxima found so far, by value

    def excess(value: float) -> float:
        nearest = sorted(known, key=lambda other: abs(other - value))[: 1 if objective.concave else 2]
        known[value] = _highest(objective, direction, value, [known[other] for other in nearest])
        return float(np.sqrt(statistic(objective, known[value]))) - quantile

    for _ in range(_BRANCHES):
        end = _crossing(excess, inner, step)
        if objective.concave or not np.isfinite(end):
            break
        excess(end)
        best = constrained(objective, direction, end, known[end])
        if np.sqrt(statistic(objective, best)) > quantile - 1e-7:
            break
        inner, known = end, {end: best}  # another maximum is higher there: the profile falls further out
    return end


def _crossing(excess: Callable[[float], float], inner: float, step: float) -> float:
    """Double the step until it is too far, then find the root between."""
    outer = inner + step
    for _ in range(_DOUBLINGS):
        if excess(outer) > 0:
            return float(brentq(excess, inner, outer, xtol=1e-13 * abs(step), rtol=1e-14))
        inner, outer, step = outer, outer + 2 * step, 2 * step
    return float(np.copysign(np.inf, step))


def _highest(objective: Objective, direction: Floats, value: float, starts: list[Floats]) -> Floats:
    """Climb from each of the starts; give the highest end."""
    ends = []
    for start in starts:
        try:
            params, _ = climb(objective.evaluate, objective.loglik, direction, value, start)
        except np.linalg.LinAlgError:  # a start too far out; the first is not
            continue
        ends.append(params)
    if not ends:
        raise NoMaximum(objective.evaluate(objective.best).information)
    return max(ends, key=objective.loglik)


def climb(
    evaluate: Callable[[Floats], Evaluation],
    loglik: Callable[[Floats], float],
    direction: Floats,
    value: float,
    start: Floats,
    tolerance: float = 1e-14,
) -> tuple[Floats, bool]:
    """Climb from the parameter nearest to the start that obeys the constraint.

    Returns
    -------
    params : (p,) array
    converged : bool
    """
    basis = null_space(direction[None, :])
    origin = start + direction * (value - direction @ start) / (direction @ direction)

    def within(free: Floats) -> Evaluation:
        at = evaluate(origin + basis @ free)
        return Evaluation(at.loglik, basis.T @ at.gradient, basis.T @ at.information @ basis)

    found = maximise(
        within, lambda free: loglik(origin + basis @ free), np.zeros(basis.shape[1]), tolerance=tolerance
    )
    return origin + basis @ found.params, found.converged
