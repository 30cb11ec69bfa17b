r"""Binomial regression with crossed or nested random intercepts, by Laplace's approximation.

Effects of factor k are :math:`\sigma_k u_k` with u standard normal, so that nothing is singular where
:math:`\sigma_k = 0` and the likelihood is a smooth and even function of it: a variance of zero is an ordinary
maximum. With the penalised log-likelihood :math:`h(u) = l(\eta) - u'u/2`, its mode :math:`\hat u` and
:math:`H = I + \Lambda Z'WZ\Lambda` (observed weights W),

.. math:: L(\beta, \sigma) = h(\hat u) - \tfrac12 \log |H|.

The gradient is exact: it follows the mode and the determinant by implicit differentiation (Skaug & Fournier 2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bipstats.models.kernels.binomial import (
    BinomialProblem,
    Working,
    linear_predictor,
    weighted_sums,
    working,
)
from bipstats.models.kernels.cox import weighted_cross_product
from bipstats.models.kernels.crossing import Arrow, Crossing, Floats, Ints, arrow, inverse_at_cells

_LAST_STEP = 1e-11  # Newton decrement that the step about to be taken will square
_AT_MODE = 1e-24
_MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class MixedProblem:
    """Counts with fixed and random effects.

    Attributes
    ----------
    fixed : BinomialProblem
        n rows; level effects and slopes, P in all.
    crossing : Crossing
        K factors with q groups.
    """

    fixed: BinomialProblem
    crossing: Crossing

    @property
    def n_fixed(self) -> int:
        """Number of fixed effects, P."""
        return self.fixed.by_level.shape[0] + self.fixed.x.shape[1]

    def split(self, params: Floats) -> tuple[Floats, Floats]:
        """Fixed effects (P,) and standard deviations (K,)."""
        return params[: self.n_fixed], params[self.n_fixed :]


@dataclass(frozen=True, slots=True)
class Modes:
    """Most likely random effects at given parameters.

    Attributes
    ----------
    u : (q,) array
        In standard deviations.
    loglik : float
        Penalised log-likelihood h.
    here : Working
        Derivatives by row.
    eta : (n,) array
    precision : Arrow
        H.
    """

    u: Floats
    loglik: float
    here: Working
    eta: Floats
    precision: Arrow


@dataclass(frozen=True, slots=True)
class Marginal:
    """A marginal log-likelihood at one parameter.

    Attributes
    ----------
    problem : MixedProblem
    params : (P + K,) array
    loglik : float
    gradient : (P + K,) array
    modes : Modes
    pull : (n,) array
        Derivative of the log-likelihood in the fixed part of each row's linear predictor.
    by_sd : (K, N) array
        Each cell's part of the derivatives in the standard deviations; like `pull` it adds up to the gradient over any
        set of rows that holds groups whole.
    """

    problem: MixedProblem
    params: Floats
    loglik: float
    gradient: Floats
    modes: Modes
    pull: Floats
    by_sd: Floats


def find_modes(offset: Floats, sd: Floats, problem: MixedProblem, start: Floats) -> Modes:
    """Maximise h by Newton's method with step halving; h is strictly concave.

    Parameters
    ----------
    offset : (n,) array
        Linear predictor without random effects.
    sd : (K,) array
    problem : MixedProblem
    start : (q,) array
    """
    crossing = problem.crossing
    spread = crossing.spread(sd)

    def at(u: Floats) -> tuple[float, Working, Floats]:
        eta = offset + crossing.by_row(spread * u)
        here = working(eta, problem.fixed)
        return here.loglik - 0.5 * float(u @ u), here, eta

    u = start
    value, here, eta = at(u)
    for _ in range(_MOST_STEPS):
        precision = arrow(crossing.by_cell(here.observed), sd, crossing)
        slope = spread * crossing.of_effects(crossing.by_cell(here.residual)) - u
        step = precision.solve(slope)
        decrement = float(slope @ step)
        if decrement < _AT_MODE:
            break
        size, before = 1.0, value
        value, here, eta = at(u + step)
        while not value >= before - 1e-11 * (1 + abs(before)) and size > 1e-8:
            size /= 2
            value, here, eta = at(u + size * step)
        u = u + size * step
        if decrement < _LAST_STEP:
            precision = arrow(crossing.by_cell(here.observed), sd, crossing)
            break
    return Modes(u, value, here, eta, precision)


def modes_at(params: Floats, problem: MixedProblem, near: Marginal | None) -> Modes:
    """Modes at a parameter, from a first-order prediction where a point nearby is known."""
    fixed, sd = problem.split(params)
    offset = linear_predictor(fixed, problem.fixed)
    if near is None:
        return find_modes(offset, sd, problem, np.zeros(sum(problem.crossing.sizes)))
    start = near.modes.u + _drift(params, offset, near)
    return find_modes(offset, sd, problem, start)


def _drift(params: Floats, offset: Floats, near: Marginal) -> Floats:
    """What the modes move by from a point nearby, to first order: implicit differentiation of their equation."""
    problem, modes = near.problem, near.modes
    crossing, before, sd = problem.crossing, problem.split(near.params)[1], problem.split(params)[1]
    spread, wider = crossing.spread(before), crossing.spread(sd - before)
    # What is added to the linear predictor, the effects staying as they are; the modes answer it.
    own = modes.eta - crossing.by_row(spread * modes.u)
    added = offset - own + crossing.by_row(wider * modes.u)
    pull = crossing.of_effects(crossing.by_cell(modes.here.residual))
    answer = crossing.of_effects(crossing.by_cell(modes.here.observed * added))
    return modes.precision.solve(wider * pull - spread * answer)


def evaluate(params: Floats, problem: MixedProblem, near: Marginal | None = None) -> Marginal:
    """Laplace's log-likelihood and its exact gradient.

    Parameters
    ----------
    params : (P + K,) array
        Fixed effects, then standard deviations (of any sign: the likelihood is even in them).
    problem : MixedProblem
    near : Marginal, optional
        A point nearby, from which the search for the modes begins.
    """
    sd, crossing = problem.split(params)[1], problem.crossing
    modes = modes_at(params, problem, near)
    inverse = inverse_at_cells(modes.precision, sd, crossing)
    residual, weight = modes.here.residual, modes.here.observed
    variance = (sd @ inverse.with_sum)[crossing.cell]
    bend = 0.5 * variance * curvature_slope(modes.eta, problem.fixed)
    spread = crossing.spread(sd)
    back = modes.precision.solve(spread * crossing.of_effects(crossing.by_cell(bend)))
    pull = residual - bend + weight * crossing.by_row(spread * back)
    by_sd = (
        modes.u[crossing.members] * crossing.by_cell(pull)
        - back[crossing.members] * crossing.by_cell(residual)
        - inverse.with_sum * crossing.by_cell(weight)
    )
    gradient = np.concatenate([problem.fixed.by_level @ pull, pull @ problem.fixed.x, by_sd.sum(axis=1)])
    loglik = modes.loglik - 0.5 * modes.precision.logdet
    return Marginal(problem, params, loglik, gradient, modes, pull, by_sd)


def curvature_slope(eta: Floats, counts: BinomialProblem) -> Floats:
    """Derivative of the observed weights in the linear predictor, (n,)."""
    if counts.link == "logit":
        small = np.exp(-np.abs(eta))
        return -np.sign(eta) * counts.trials * small * (1 - small) / (1 + small) ** 3
    hazard = np.exp(np.minimum(eta, 700.0))
    tiny = hazard < 1e-10
    ratio = np.where(tiny, 1 - hazard / 2, hazard / np.where(tiny, 1.0, np.expm1(np.minimum(hazard, 700.0))))
    rest = ratio + hazard - 1
    slope = ratio * (hazard - rest * (rest + ratio))
    return counts.successes * slope + (counts.trials - counts.successes) * hazard


def scores(at: Marginal, group: Ints) -> Floats:
    """Derivatives of the log-likelihood by clusters 0..G-1 that hold groups whole, (G, P + K)."""
    n_clusters, rows = int(group.max()) + 1, np.arange(len(group))
    fixed, crossing = at.problem.fixed, at.problem.crossing
    by_level = sparse.csr_array(
        (at.pull, (group, fixed.level)), shape=(n_clusters, fixed.by_level.shape[0])
    ).toarray()
    by_row = sparse.csr_array((at.pull, (group, rows)), shape=(n_clusters, len(rows)))
    of_cell = np.zeros(at.by_sd.shape[1], np.int64)
    of_cell[crossing.cell] = group
    by_sd = np.column_stack([np.bincount(of_cell, own, n_clusters) for own in at.by_sd])
    return np.hstack([by_level, by_row @ fixed.x, by_sd])


def conditional_information(at: Marginal) -> Floats:
    r"""Information where the weights stay as they are, (P + K, P + K): where a search begins.

    Fixed effects as in a linear mixed model with the working weights; a standard deviation as there too,
    :math:`2 \sum_j (1 - H^{-1}_{jj})^2 / \sigma_k^2`.
    """
    problem = at.problem
    fixed, crossing, sd = problem.fixed, problem.crossing, problem.split(at.params)[1]
    weight, precision = at.modes.here.observed, at.modes.precision
    of_levels, n_levels = weighted_sums(fixed.by_level, weight), fixed.by_level.shape[0]
    size = problem.n_fixed
    information = np.zeros((size + len(sd), size + len(sd)))
    information[:n_levels, :n_levels] = np.diag(of_levels.sum(axis=1))
    information[:n_levels, n_levels:size] = of_levels @ fixed.x
    information[n_levels:size, :n_levels] = information[:n_levels, n_levels:size].T
    information[n_levels:size, n_levels:size] = weighted_cross_product(fixed.x, weight)
    of_effects = weighted_sums(crossing.by_effect, weight)
    shared = np.hstack([(of_effects @ fixed.by_level.T).toarray(), of_effects @ fixed.x])
    shared *= crossing.spread(sd)[:, None]
    information[:size, :size] -= shared.T @ precision.solve(shared)
    inverse = inverse_at_cells(precision, sd, crossing)
    for k, own in enumerate(crossing.slices):
        spent = 2 * ((1 - inverse.diagonal[own]) ** 2).sum()
        information[size + k, size + k] = max(spent, 1e-3) / max(sd[k] ** 2, 1e-3)
    return information
