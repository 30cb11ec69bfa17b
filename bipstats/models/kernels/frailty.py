r"""Penalised partial likelihood of a Cox model with a shared frailty :math:`e^{b_g}` in each group g.

Notation follows Therneau, Grambsch & Pankratz (2003): for a given frailty variance :math:`\theta`,

.. math:: \mathrm{PPL}(b, \beta) = \ell(b, \beta) + \tfrac1\theta \sum_g h(b_g)

with the log partial likelihood :math:`\ell`, and :math:`h(b) = b - (e^b - 1)` for a gamma frailty with mean 1,
:math:`h(b) = -b^2/2` for a log-normal one. The information in b is a diagonal less a matrix whose rank is at most
twice the number of event times, whatever the number of groups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from bipstats.models.kernels.cox import (
    CoxProblem,
    RiskSums,
    by_time,
    expected_events,
    over_risk_sets,
    risk_sums,
    sum_by,
    weighted_cross_product,
)
from bipstats.models.kernels.cox import log_likelihood as cox_log_likelihood
from bipstats.models.kernels.newton import Evaluation, Floats

Ints = NDArray[np.int64]
_NODES = 80


@dataclass(frozen=True, slots=True)
class Law:
    """Distribution of the log frailties b, up to the factor 1/theta in its logarithm.

    Attributes
    ----------
    h, slope, curvature : callable
        h(b), h'(b) and -h''(b), each (G,) to (G,).
    survival : callable
        Cumulative hazards at frailty 1, of any shape, and theta > 0 to survival with the frailty integrated out.
    """

    h: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    curvature: Callable[[Floats], Floats]
    survival: Callable[[Floats, float], Floats]


def _gamma_survival(hazard: Floats, theta: float) -> Floats:
    """Laplace transform of the gamma distribution with mean 1, (1 + theta H)^(-1 / theta)."""
    return np.exp(-np.log1p(theta * hazard) / theta)


def _normal_survival(hazard: Floats, theta: float) -> Floats:
    """Mean of exp(-H e^b) over the normal distribution of b, by Gauss and Hermite's rule."""
    nodes, weights = np.polynomial.hermite.hermgauss(_NODES)
    total = np.zeros_like(hazard)
    for node, weight in zip(nodes, weights / np.sqrt(np.pi), strict=True):
        total += weight * np.exp(-hazard * np.exp(np.sqrt(2 * theta) * node))
    return total


GAMMA = Law(lambda b: b - np.expm1(b), lambda b: -np.expm1(b), np.exp, _gamma_survival)
NORMAL = Law(lambda b: -0.5 * b**2, lambda b: -b, np.ones_like, _normal_survival)


@dataclass(frozen=True, slots=True)
class FrailtyProblem:
    """A Cox problem whose rows lie in groups.

    Attributes
    ----------
    cox : CoxProblem
    group : (n,) integer array
        Group of each row, 0..G-1.
    deaths : (G,) array
        Events of each group.
    law : Law
    """

    cox: CoxProblem
    group: Ints
    deaths: Floats
    law: Law


def frailty_problem(cox: CoxProblem, group: Ints, law: Law) -> FrailtyProblem:
    """Count the events of each group."""
    deaths = np.bincount(group[cox.died], minlength=int(group.max()) + 1).astype(float)
    return FrailtyProblem(cox, group, deaths, law)


@dataclass(frozen=True, slots=True)
class GroupBlock:
    """Information in b, a diagonal less F'F, factorised in whichever size is smaller.

    Attributes
    ----------
    diagonal : (G,) array
    low_rank : (r, G) array
        F.
    factor : tuple
        Cholesky factor of the (G, G) matrix itself, or of the (r, r) matrix I - F diag^-1 F'.
    dense : bool
        Which of the two.
    """

    diagonal: Floats
    low_rank: Floats
    factor: tuple[Floats, bool]
    dense: bool


def group_block(diagonal: Floats, low_rank: Floats) -> GroupBlock:
    """Factorise; raises `numpy.linalg.LinAlgError` if the matrix is not positive definite."""
    dense = len(diagonal) <= len(low_rank)
    if dense:
        matrix = np.diag(diagonal) - low_rank.T @ low_rank
    else:
        matrix = np.eye(len(low_rank)) - (low_rank / diagonal) @ low_rank.T
    return GroupBlock(diagonal, low_rank, cho_factor(matrix), dense)


def block_solve(block: GroupBlock, right: Floats) -> Floats:
    """Solve with the information in b: (G, k) to (G, k)."""
    if block.dense:
        return cho_solve(block.factor, right)
    alone = right / block.diagonal[:, None]
    return (
        alone + (block.low_rank.T @ cho_solve(block.factor, block.low_rank @ alone)) / block.diagonal[:, None]
    )


def block_log_determinant(block: GroupBlock) -> float:
    """Logarithm of the determinant of the information in b."""
    of_factor = 2 * np.log(np.diag(block.factor[0])).sum()
    return float(of_factor if block.dense else of_factor + np.log(block.diagonal).sum())


def block_inverse_diagonal(block: GroupBlock) -> Floats:
    """Diagonal of the inverse of the information in b, (G,)."""
    if block.dense:
        return np.diag(cho_solve(block.factor, np.eye(len(block.diagonal)))).copy()
    scaled = block.low_rank / block.diagonal
    return 1 / block.diagonal + (scaled * cho_solve(block.factor, scaled)).sum(axis=0)


@dataclass(frozen=True, slots=True)
class FrailtyEvaluation(Evaluation):
    """Penalised log partial likelihood at one (b, beta).

    Attributes
    ----------
    loglik : float
        Penalised.
    gradient : (G + p,) array
    information : (p, p) array
        Schur complement: the information in beta, b being estimated too.
    block : GroupBlock
        Information in b, the penalty's curvature in it.
    cross : (G, p) array
        Information between b and beta.
    trace : float
        Trace of the information in b without the penalty's curvature.
    """

    block: GroupBlock
    cross: Floats
    trace: float


def penalised_log_likelihood(params: Floats, theta: float, problem: FrailtyProblem) -> float:
    """Penalised log partial likelihood at (b, beta), (G + p,)."""
    b, beta = np.split(params, [len(problem.deaths)])
    return cox_log_likelihood(beta, with_frailty(b, problem)) + float(problem.law.h(b).sum()) / theta


def evaluate(params: Floats, theta: float, problem: FrailtyProblem) -> FrailtyEvaluation:
    r"""Penalised log partial likelihood with its gradient and information.

    Notes
    -----
    With one indicator column per group beside X, the Cox information :math:`X' \mathrm{diag}(v) X - M'M` has group
    sums of v on the diagonal of its first part. Of M, a tied set needs no more than two rows (`_contracted`).
    """
    group, law, x = problem.group, problem.law, problem.cox.x
    n_groups = len(problem.deaths)
    b, beta = np.split(params, [n_groups])
    cox = with_frailty(b, problem)
    sums = risk_sums(beta, cox)
    expected = expected_events(sums, cox)
    by_group = np.bincount(group, expected, n_groups)
    gradient = np.concatenate(
        [problem.deaths - by_group + law.slope(b) / theta, x[cox.died].sum(axis=0) - expected @ x]
    )
    low_rank, means = _contracted(sums, problem)
    block = group_block(by_group + law.curvature(b) / theta, low_rank)
    cross = sum_by(expected, group, n_groups, x) - low_rank.T @ means
    schur = weighted_cross_product(x, expected) - means.T @ means - cross.T @ block_solve(block, cross)
    loglik = sums.loglik + float(law.h(b).sum()) / theta
    trace = float(by_group.sum() - (low_rank**2).sum())
    return FrailtyEvaluation(loglik, gradient, (schur + schur.T) / 2, block, cross, trace)


def solve(at: FrailtyEvaluation, right: Floats) -> Floats:
    """Solve with the whole information: (G + p,) to (G + p,)."""
    own, rest = np.split(right, [len(at.cross)])
    alone = block_solve(at.block, own[:, None])[:, 0]
    if not len(rest):
        return alone
    step = cho_solve(cho_factor(at.information), rest - at.cross.T @ alone)
    return np.concatenate([alone - block_solve(at.block, (at.cross @ step)[:, None])[:, 0], step])


def inverse_diagonal(at: FrailtyEvaluation) -> Floats:
    """Variances of b at a known theta, beta being estimated too: (G,)."""
    through = block_solve(at.block, at.cross)
    return block_inverse_diagonal(at.block) + (through.T * np.linalg.solve(at.information, through.T)).sum(
        axis=0
    )


def with_frailty(b: Floats, problem: FrailtyProblem) -> CoxProblem:
    """Give the Cox problem with the groups' log frailties in its offset."""
    return replace(problem.cox, offset=problem.cox.offset + b[problem.group])


def _contracted(sums: RiskSums, problem: FrailtyProblem) -> tuple[Floats, Floats]:
    r"""Give matrices (r, G) and (r, p) whose cross-products are those of the risk-set means of all deaths.

    Notes
    -----
    The k deaths tied at a time have means :math:`(S - r_j T)/s_j`, S being sums over the risk set and T over the
    dead. Their cross-products sum to :math:`\alpha SS' - \gamma (ST' + TS') + \delta TT'`, which two rows give:
    :math:`\sqrt\alpha (S - \tfrac\gamma\alpha T)` and :math:`\sqrt{\delta - \gamma^2/\alpha} \, T`. Breslow's
    :math:`r_j = 0` leave one.
    """
    cox, group = problem.cox, problem.group
    sets, died = cox.sets, cox.died
    n_groups, n_places = len(problem.deaths), cox.moves.shape[0]

    def placed(place: Ints) -> Floats:
        found: Floats = np.bincount(place * n_groups + group, sums.risk, n_places * n_groups).astype(float)
        return found.reshape(n_places, n_groups)

    moved = placed(sets.first + sets.stratum) - placed(sets.last + sets.stratum)
    of_group = over_risk_sets(moved, sums.forward, sets)
    of_x = (sums.mean * sums.denominator[:, None])[cox.opening]  # the first of a tied set has rank 0
    square = 1 / sums.denominator**2
    alpha, gamma, delta = (by_time(square * cox.rank**power, cox) for power in (0, 1, 2))
    ties = np.flatnonzero(gamma > 0)
    tied = np.searchsorted(ties, cox.at)
    mine = np.isin(cox.at, ties)
    tied_groups: Floats = np.bincount(
        tied[mine] * n_groups + group[died[mine]], sums.risk[died[mine]], len(ties) * n_groups
    ).astype(float)
    tied_x = by_time(sums.risk[died][:, None] * cox.x[died], cox)[ties]
    root, pull = np.sqrt(alpha)[:, None], (gamma / np.sqrt(alpha))[ties, None]
    left = np.sqrt(np.maximum(delta - gamma**2 / alpha, 0.0))[ties, None]

    def two_rows(total: Floats, dead: Floats) -> Floats:
        first = root * total
        first[ties] -= pull * dead
        return np.vstack([first, left * dead])

    return two_rows(of_group, tied_groups.reshape(len(ties), n_groups)), two_rows(of_x, tied_x)
