"""One search for the maximum with a given number of points: EM steps, then Newton's, and what ends a search in vain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from bipstats.models.kernels.mixture import (
    Flags,
    Law,
    MixtureEvaluation,
    MixtureProblem,
    evaluate,
    log_likelihood,
    marginal,
    predictors,
)
from bipstats.models.kernels.mixture_rows import Channel, Floats, unit_loglik
from bipstats.models.kernels.newton import NoMaximum, maximise

_STEPS = 100
_TURNS = 12  # locations that go to the edge and come back
_FLAT = 0.1  # information on a location that says it is running off
_EMPTY = 0.01  # units expected at a point that has lost them
_SAME = 0.05  # distance of two points that are one
_SINGULAR = 1e-9  # eigenvalue of the scaled information that is zero
_EM_GAIN = 0.5  # gain of an EM step that is worth more of them
_LEAST_CURVATURE = 1e-3  # of the complete information's, in steps where the likelihood is not concave
_LONGEST = 3.0  # step of any parameter


@dataclass(frozen=True, slots=True)
class Found:
    """Where one search ended.

    Attributes
    ----------
    law : Law
        Points in ascending order.
    at : MixtureEvaluation
    iterations : int
    """

    law: Law
    at: MixtureEvaluation
    iterations: int


@dataclass(frozen=True, slots=True)
class Lost:
    """A search without a maximum inside the parameter space.

    Attributes
    ----------
    why : str
    """

    why: str


class _RunsOff(Exception):
    """The search goes on from another law (a location gone to infinity, or come back), or is in vain."""

    def __init__(self, end: Law | Lost) -> None:
        self.end = end


def climb(problem: MixtureProblem, start: Law) -> Found | Lost:
    """Maximise the likelihood with as many points as `start` has.

    Parameters
    ----------
    problem : MixtureProblem
    start : Law

    Notes
    -----
    Steps are those of the EM algorithm, its M step by one Newton step (Lange 1995), while they gain much; then
    Newton's on the marginal likelihood wherever its information is positive definite. A location that runs to
    infinity is put there, if that does not lower the likelihood.
    """
    law = start
    for _ in range(_TURNS):
        try:
            return _climb(problem, law)
        except _RunsOff as gone:
            if isinstance(gone.end, Lost):
                return gone.end
            law = gone.end
    return Lost("the search did not converge")


def _climb(problem: MixtureProblem, start: Law) -> Found | Lost:
    try:
        best = maximise(
            lambda params: evaluate(start.unpack(params), problem),
            lambda params: log_likelihood(start.unpack(params), problem),
            start.pack(),
            solve=lambda at: _step(at, problem),
            max_iterations=_STEPS,
        )
    except NoMaximum:
        return Lost("the likelihood has no finite maximum")
    at = best.at
    assert isinstance(at, MixtureEvaluation)
    end = start.unpack(best.params)
    lost = _needless(end, at) or _singular(at)
    if lost:
        return Lost(lost)
    if not best.converged:
        return Lost("the search did not converge")
    rising = _rising_zeros(end, problem)
    if rising.any():
        raise _RunsOff(_off_zero(end, rising))
    law = _ordered(end)
    return Found(law, evaluate(law, problem), best.iterations)


def _step(at: MixtureEvaluation, problem: MixtureProblem) -> Floats:
    """EM's step while it gains much; then Newton's, turned uphill where the likelihood is not concave."""
    _watch(at, problem)
    em = cho_solve(cho_factor(at.complete), at.gradient)
    if 0.5 * float(at.gradient @ em) > _EM_GAIN:
        return em
    try:
        step = cho_solve(cho_factor(at.information), at.gradient)
    except np.linalg.LinAlgError:
        curvature, direction = eigh(at.information, at.complete)
        step = direction @ (direction.T @ at.gradient / np.maximum(np.abs(curvature), _LEAST_CURVATURE))
    return step * min(1.0, _LONGEST / np.abs(step).max(initial=_LONGEST))


def _watch(at: MixtureEvaluation, problem: MixtureProblem) -> None:
    """Stop where a location or a probability runs to the edge of the parameter space."""
    law = at.law
    if len(law.locations) == 1:
        return
    lost = _needless(law, at)
    if lost:
        raise _RunsOff(Lost(lost))
    for place, (c, k) in enumerate(np.argwhere(law.finite.T), start=len(law.structural)):
        if at.complete[place, place] > _FLAT:
            continue
        pinned = law.locations.copy()
        pinned[k, c] = np.inf if at.gradient[place] > 0 else -np.inf
        there = Law(law.structural, pinned, law.log_odds)
        kept = np.isfinite(pinned[:, c]).any()
        if kept and log_likelihood(there, problem) >= at.loglik - 1e-10 * abs(at.loglik):
            raise _RunsOff(there)


def _needless(law: Law, at: MixtureEvaluation) -> str | None:
    """Say why a law has more points than it needs."""
    if at.weights.sum(axis=0).min() < _EMPTY:
        return "a point's probability goes to zero"
    for k in range(1, len(law.locations)):
        same = law.locations[k] == law.locations[:k]
        with np.errstate(invalid="ignore"):
            apart = np.where(same, 0.0, np.abs(law.locations[k] - law.locations[:k]))
        if apart.max(axis=1).min() < _SAME:
            return "two points fall into one"
    return None


def _singular(at: MixtureEvaluation) -> str | None:
    size = np.sqrt(np.maximum(np.diag(at.information), 1e-300))
    if np.linalg.eigvalsh(at.information / np.outer(size, size))[0] > _SINGULAR:
        return None
    return "the information is singular: points and slopes cannot be told apart"


def _ordered(law: Law) -> Law:
    """Points in ascending order of their locations."""
    order = np.lexsort(law.locations.T[::-1])
    odds = law.log_odds[order]
    return Law(law.structural, law.locations[order], odds - odds[0])


def _rising_zeros(law: Law, problem: MixtureProblem) -> Flags:
    """Hazards of zero from which the likelihood rises, by its derivative in exp(location) there, (K, C)."""
    rising = np.zeros(law.locations.shape, bool)
    zeros = np.argwhere(law.locations == -np.inf)
    if not len(zeros):
        return rising
    log_unit, early = marginal(law, problem.channels), marginal(law, problem.before)
    predicted, before = predictors(law, problem.channels), predictors(law, problem.before)
    for k, c in zeros:
        slope = _boundary_slope(law, problem.channels, predicted, log_unit, k, c)
        if problem.before:
            slope -= _boundary_slope(law, problem.before, before, early, k, c)
        rising[k, c] = slope > 1e-6 * problem.n_units
    return rising


def _off_zero(law: Law, rising: Flags) -> Law:
    """Put small hazards in the place of zeros."""
    lowest = np.where(law.finite, law.locations, np.inf).min(axis=0)
    return Law(law.structural, np.where(rising, lowest - 2.0, law.locations), law.log_odds)


def _boundary_slope(
    law: Law, channels: tuple[Channel, ...], predicted: list[Floats], log_unit: Floats, k: int, c: int
) -> float:
    """Derivative in u = exp(location) at zero: units without events lose u x time at risk, those with one gain."""
    others = np.zeros(len(log_unit))
    for d, rows in enumerate(channels):
        if d != c:
            others = others + unit_loglik(predicted[d], law.locations[k, d], rows)
    rows = channels[c]
    risk = np.exp(predicted[c])
    n_events = rows.by_unit @ rows.events
    change = np.where(n_events == 0, -(rows.by_unit @ (rows.trials * risk)), 0.0)
    change += np.where(n_events == 1, rows.by_unit @ (rows.events * risk), 0.0)
    return float(law.probabilities[k] * (np.exp(others - log_unit) @ change))
