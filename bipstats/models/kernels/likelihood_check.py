r"""The likelihood of crossed random intercepts by simulation: a check of Laplace's approximation.

Effects of all factors but the first are drawn from the normal distribution that Laplace's approximation gives them;
given these, groups of the first are independent and are integrated by quadrature. With weights

.. math:: w_s = \frac{\phi(v_s)}{N(v_s; \hat v, S^{-1})} \prod_j \int e^{l_j(u, v_s)} \phi(u) \, du

the likelihood is estimated by their mean, without bias (importance sampling). Draws come in pairs, mirrored at the
mode, which cancels the odd part of the approximation's error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite import hermgauss

from bipstats.models.kernels.binomial import linear_predictor, row_log_likelihoods
from bipstats.models.kernels.crossing import Floats
from bipstats.models.kernels.laplace import Marginal


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated log-likelihood.

    Attributes
    ----------
    loglik : float
    mc_error : float
        Standard error of the simulation; NaN where one draw outweighs all others.
    """

    loglik: float
    mc_error: float


def simulate_likelihood(at: Marginal, nodes: int, pairs: int, rng: np.random.Generator) -> Simulated:
    """Estimate the log-likelihood at one parameter by importance sampling.

    Parameters
    ----------
    at : Marginal
        By Laplace's approximation.
    nodes : int
        Of the quadrature over the first factor.
    pairs : int
        Mirrored pairs of draws; 2 or more.
    rng : numpy.random.Generator
    """
    n_others = len(at.modes.precision.factor)
    offset = linear_predictor(at.problem.split(at.params)[0], at.problem.fixed)
    logs = np.empty((pairs, 2))
    for pair in range(pairs):
        normal = rng.standard_normal(n_others)
        logs[pair] = [_log_weight(sign * normal, at, offset, nodes) for sign in (1, -1)]
    top = logs.max()
    means = np.exp(logs - top).mean(axis=1)
    relative = means.std(ddof=1) / np.sqrt(pairs) / means.mean()
    alone = means.max() > 0.5 * means.sum()
    return Simulated(float(top + np.log(means.mean())), float("nan") if alone else float(relative))


def _log_weight(normal: Floats, at: Marginal, offset: Floats, nodes: int) -> float:
    """Logarithm of one draw's weight."""
    problem, precision = at.problem, at.modes.precision
    crossing = problem.crossing
    n_first, spread = crossing.sizes[0], crossing.spread(problem.split(at.params)[1])
    moved = precision.draw(normal)
    others = at.modes.u[n_first:] + moved
    # Given the others, the groups' modes have moved to first order; quadrature forgives the rest.
    centre = at.modes.u[:n_first] - (precision.cross @ moved) / precision.diagonal
    width = np.sqrt(2 / precision.diagonal)
    first = crossing.members[0]
    heights = []
    for node, weight in zip(*hermgauss(nodes), strict=True):
        u = centre + width * node
        eta = offset + crossing.by_row(spread * np.concatenate([u, others]))
        terms = row_log_likelihoods(eta, problem.fixed)
        inside = np.bincount(first, crossing.by_cell(terms), n_first)
        heights.append(np.log(weight) + node**2 + inside - u**2 / 2)
    stacked = np.array(heights)
    top = stacked.max(axis=0)
    integrals = top + np.log(np.exp(stacked - top).sum(axis=0)) + np.log(width / np.sqrt(2 * np.pi))
    log_det = 2 * np.log(np.diag(precision.factor)).sum()
    return float(integrals.sum() - others @ others / 2 + normal @ normal / 2 - log_det / 2)
