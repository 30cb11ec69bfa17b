r"""One random intercept integrated out by adaptive Gauss-Hermite quadrature.

Groups are independent, so each contributes an integral over one effect u,

.. math:: L_j = \log \int e^{f_j(u)} \frac{du}{\sqrt{2\pi}}, \qquad f_j(u) = l_j(x'\beta + \sigma u) - u^2/2,

with nodes spread around its mode by its curvature there (Pinheiro & Bates 1995). One node is Laplace's approximation.
The gradient is that of the sum over nodes, their movement with the mode and the curvature included.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial.hermite import hermgauss

from bipstats.models.kernels.binomial import linear_predictor, working
from bipstats.models.kernels.crossing import Floats
from bipstats.models.kernels.laplace import Marginal, MixedProblem, curvature_slope, modes_at


def evaluate(params: Floats, problem: MixedProblem, nodes: int, near: Marginal | None = None) -> Marginal:
    """Log-likelihood by quadrature with its exact gradient, for one grouping factor.

    Parameters
    ----------
    params : (P + 1,) array
    problem : MixedProblem
    nodes : int
    near : Marginal, optional
        A point nearby, from which the search for the modes begins.
    """
    fixed, sd = problem.split(params)
    [sigma], counts, crossing = sd, problem.fixed, problem.crossing
    offset, group = linear_predictor(fixed, counts), crossing.cell
    modes = modes_at(params, problem, near)
    curvature, here = modes.precision.diagonal, modes.here
    width = np.sqrt(2 / curvature)
    top = crossing.by_cell(here.terms) - modes.u**2 / 2

    # Sums over nodes with the weight of each at its group, relative to the value at the mode.
    total, drift, widening = (np.zeros(len(width)) for _ in range(3))
    residual, by_sigma = np.zeros(len(group)), np.zeros(len(group))
    for node, weight in zip(*hermgauss(nodes), strict=True):
        u = modes.u + width * node
        at = working(offset + sigma * u[group], counts)
        share = weight * np.exp(node**2 + crossing.by_cell(at.terms) - u**2 / 2 - top)
        slope = sigma * crossing.by_cell(at.residual) - u
        total += share
        drift += share * slope
        widening += share * slope * width * node
        weighted = share[group] * at.residual
        residual += weighted
        by_sigma += weighted * u[group]
    loglik = float((top + np.log(total) - 0.5 * np.log(np.pi * curvature)).sum())

    # What moves the nodes: the mode, and the curvature, on which their width depends.
    bend = curvature_slope(modes.eta, counts)
    by_curvature = -0.5 * (1 + widening / total) / curvature
    drift = drift / total + by_curvature * sigma**3 * crossing.by_cell(bend)
    by_mode = (drift / curvature)[group]
    by_bend = (by_curvature * sigma**2)[group] * bend
    pull = residual / total[group] - sigma * by_mode * here.observed + by_bend
    by_sd = (
        by_sigma / total[group]
        + by_mode * (here.residual - sigma * modes.u[group] * here.observed)
        + by_bend * modes.u[group]
        + 2 * sigma * by_curvature[group] * here.observed
    )
    gradient = np.concatenate([counts.by_level @ pull, pull @ counts.x, [by_sd.sum()]])
    return Marginal(problem, params, loglik, gradient, modes, pull, crossing.by_cell(by_sd)[None, :])
