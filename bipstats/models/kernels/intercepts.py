r"""The search for the maximum over fixed effects and standard deviations, zero ones found by design.

The likelihood is even and smooth in each :math:`\sigma_k`. Whether zero is a maximum is read from the slope in the
variance there, :math:`\partial L / \partial \sigma_k^2 = \lim L'(\sigma_k) / 2\sigma_k`, at the maximum of the model
without that factor: not from where a search happens to end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bipstats.models.kernels import laplace, quadrature
from bipstats.models.kernels.ascent import Surface, Top, climb, information_at, polish
from bipstats.models.kernels.binomial import BinomialProblem, log_likelihood
from bipstats.models.kernels.crossing import Floats, Ints, cross
from bipstats.models.kernels.laplace import Marginal, MixedProblem, conditional_information
from bipstats.models.kernels.newton import NoMaximum

LARGEST = 30.0
"""Standard deviations on the scale of the linear predictor beyond this are a likelihood without a maximum."""
_NEAR_ZERO = 1e-4  # where the slope in the variance is read
_SAME = 1e-7  # log-likelihoods that do not differ


@dataclass(frozen=True, slots=True)
class Intercepts:
    """A binomial regression with a random intercept for every factor.

    Attributes
    ----------
    fixed : BinomialProblem
        n rows, P fixed effects.
    factors : tuple of (n,) integer arrays
        Codes of groups, in descending order of their number.
    nodes : int or None
        Of adaptive quadrature, for one factor; None: Laplace.
    """

    fixed: BinomialProblem
    factors: tuple[Ints, ...]
    nodes: int | None

    def problem(self, kept: Sequence[int]) -> MixedProblem:
        """The problem with some of the factors."""
        return MixedProblem(self.fixed, cross([self.factors[k] for k in kept]))

    def at(self, params: Floats, problem: MixedProblem, near: Marginal | None = None) -> Marginal:
        """Log-likelihood and gradient."""
        if self.nodes is None:
            return laplace.evaluate(params, problem, near)
        return quadrature.evaluate(params, problem, self.nodes, near)

    def surface(self, problem: MixedProblem) -> Surface[Marginal]:
        """The same, as a function for a search."""
        return lambda params, near: self.at(params, problem, near)


@dataclass(frozen=True, slots=True)
class Found:
    """The maximum.

    Attributes
    ----------
    at : Marginal or None
        Of the problem with the factors whose standard deviation is not zero; None if none is.
    kept : tuple of int
        Places of those factors.
    information : (P + K', P + K') array
        Minus the second derivatives, where K' factors are kept.
    without : tuple of float
        Largest log-likelihood without each of the factors kept.
    evaluations : int
    """

    at: Marginal | None
    kept: tuple[int, ...]
    information: Floats
    without: tuple[float, ...]
    evaluations: int


def ascend(model: Intercepts, kept: tuple[int, ...], start: Floats, problem: MixedProblem) -> Top[Marginal]:
    """Climb from fixed effects (P,), or from fixed effects and standard deviations (P + K',)."""
    full = start if len(start) > problem.n_fixed else np.concatenate([start, np.full(len(kept), 0.5)])
    first = model.at(full, problem)
    top = climb(model.surface(problem), first, conditional_information(first))
    if not top.converged or np.abs(problem.split(top.at.params)[1]).max() > LARGEST:
        raise NoMaximum(conditional_information(top.at))
    return top


def maximum(model: Intercepts, plain: Floats) -> Found:
    """Find the maximum and the information there.

    Parameters
    ----------
    model : Intercepts
    plain : (P,) array
        Maximum without random intercepts.

    Raises
    ------
    NoMaximum
        There is none, or the search did not find it.
    """
    return _maximum(model, tuple(range(len(model.factors))), plain, None, 0)


def _maximum(
    model: Intercepts, kept: tuple[int, ...], plain: Floats, known: Top[Marginal] | None, evaluations: int
) -> Found:
    if not kept:
        return Found(None, (), np.empty((0, 0)), (), evaluations)
    problem = model.problem(kept)
    top = ascend(model, kept, plain, problem) if known is None else known
    evaluations += 0 if known is not None else top.evaluations
    without: list[float] = []
    for position, factor in enumerate(kept):
        rest = tuple(k for k in kept if k != factor)
        reduced = _without(model, rest, plain, top.at.params, position, problem)
        evaluations += 0 if reduced is None else reduced.evaluations
        value = log_likelihood(plain, model.fixed) if reduced is None else reduced.at.loglik
        at_zero = np.insert(plain if reduced is None else reduced.at.params, problem.n_fixed + position, 0.0)
        if value >= top.at.loglik - _SAME and slope_at_zero(model, problem, at_zero, position) <= 0:
            return _maximum(model, rest, plain, reduced, evaluations)
        without.append(min(value, top.at.loglik))
    surface = model.surface(problem)
    guess = 1 / np.sqrt(np.diag(conditional_information(top.at)))
    best = top.at if (problem.split(top.at.params)[1] > 0).all() else _turned(model, top.at)
    information = information_at(surface, best, guess)
    return Found(polish(surface, best, information), kept, information, tuple(without), evaluations)


def _turned(model: Intercepts, at: Marginal) -> Marginal:
    """The same point with all standard deviations positive."""
    fixed, sd = at.problem.split(at.params)
    return model.at(np.concatenate([fixed, np.abs(sd)]), at.problem)


def _without(
    model: Intercepts,
    rest: tuple[int, ...],
    plain: Floats,
    params: Floats,
    position: int,
    problem: MixedProblem,
) -> Top[Marginal] | None:
    """Maximum without one factor, from the maximum with it; None where that is the plain model."""
    if not rest:
        return None
    return ascend(model, rest, np.delete(params, problem.n_fixed + position), model.problem(rest))


def slope_at_zero(model: Intercepts, problem: MixedProblem, params: Floats, position: int) -> float:
    """Derivative of the log-likelihood in a variance at zero."""
    place = problem.n_fixed + position
    moved = params.copy()
    moved[place] = _NEAR_ZERO
    return float(model.at(moved, problem).gradient[place]) / (2 * _NEAR_ZERO)
