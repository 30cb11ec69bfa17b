"""Profile likelihood of one standard deviation of random intercepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from bipstats.models.kernels.ascent import climb
from bipstats.models.kernels.crossing import Floats
from bipstats.models.kernels.intercepts import LARGEST, Intercepts
from bipstats.models.kernels.laplace import Marginal, MixedProblem, conditional_information


@dataclass(frozen=True, slots=True)
class SdProfile:
    """The log-likelihood, maximised over all else, as a function of one standard deviation.

    Attributes
    ----------
    model : Intercepts
    problem : MixedProblem
        With the factor, and all others whose standard deviation is not zero.
    place : int
        Of the standard deviation among the parameters.
    start : Marginal
        At the estimate.
    """

    model: Intercepts
    problem: MixedProblem
    place: int
    start: Marginal

    def interval(self, step: float, quantile: float) -> tuple[float, float]:
        """Values whose likelihood-ratio statistic is at most the quantile squared; from zero if that is one.

        Parameters
        ----------
        step : float
            Guess of the distance of the upper end.
        quantile : float
            Of the standard normal.
        """
        best, centre = self.start.loglik, float(self.start.params[self.place])
        known = {centre: self.start}

        def excess(sd: float) -> float:
            if sd not in known:
                known[sd] = self.held(sd, known[min(known, key=lambda other: abs(other - sd))])
            return float(np.sqrt(max(2 * (best - known[sd].loglik), 0.0))) - quantile

        low = 0.0 if centre == 0 or excess(0.0) <= 0 else _root(excess, 0.0, centre)
        inner, outer = centre, centre + step
        while excess(outer) <= 0:
            inner, outer, step = outer, outer + 2 * step, 2 * step
            if outer > LARGEST:
                return low, float("inf")
        return low, _root(excess, inner, outer)

    def held(self, sd: float, near: Marginal) -> Marginal:
        """Maximum with the standard deviation held at a value."""
        params = near.params.copy()
        params[self.place] = sd
        first = self.model.at(params, self.problem, near)
        surface = self.model.surface(self.problem)
        return climb(surface, first, conditional_information(first), held=self.place).at


def _root(excess: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(excess, low, high, xtol=1e-9, rtol=1e-9))


def profile_of(model: Intercepts, kept: Sequence[int], factor: int, params: Floats) -> SdProfile:
    """Profile of one factor's standard deviation.

    Parameters
    ----------
    model : Intercepts
    kept : sequence of int
        Factors whose standard deviation is not zero.
    factor : int
    params : (P + K',) array
        The estimate.
    """
    own = sorted({*kept, factor})
    problem = model.problem(own)
    place = problem.n_fixed + own.index(factor)
    start = params if factor in kept else np.insert(params, place, 0.0)
    return SdProfile(model, problem, place, model.at(start, problem))
