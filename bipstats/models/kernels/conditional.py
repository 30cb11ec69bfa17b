r"""Conditional logit: the likelihood of which rows of a group have the event, given how many do.

For a group with covariates :math:`x_1, \dots, x_m` and k events in the rows D, with :math:`\eta_i = x_i'\beta`,

.. math:: l = \sum_{i \in D} \eta_i - \log e_k(e^{\eta_1}, \dots, e^{\eta_m}),

:math:`e_k` being the elementary symmetric function, a sum over all subsets of k rows. It is built up row by row
(Gail, Lubin & Rubinstein 1981), :math:`e_j^{(i)} = e_j^{(i-1)} + e^{\eta_i} e_{j-1}^{(i-1)}`, on the log scale.
Row i is a member of the random subset of j among the first i with probability
:math:`\rho_{ij} = e^{\eta_i} e_{j-1}^{(i-1)} / e_j^{(i)}`, whatever happens before; so mean and variance of the
subset's covariates are those of a Markov chain, and sums of positive parts only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bipstats.models.kernels.newton import Evaluation, Floats

Ints = NDArray[np.int64]
_STATES = 1 << 21  # numbers held at once for the groups of one kind


@dataclass(frozen=True, slots=True)
class Kind:
    """Groups with the same number of rows and events.

    Attributes
    ----------
    x : (g, m, p) array
        Covariates; with the sign turned where more than half of the rows have the event, which are then the
        rows without it (choosing those is the same choice).
    total : (g, p) array
        Sum over the chosen rows.
    size : int
        Rows to choose, k.
    groups : (g,) integer array
    """

    x: Floats
    total: Floats
    size: int
    groups: Ints


@dataclass(frozen=True, slots=True)
class ConditionalProblem:
    """A conditional logit ready to evaluate.

    Attributes
    ----------
    kinds : tuple of Kind
    weight : (G,) array
        Weight of each group.
    """

    kinds: tuple[Kind, ...]
    weight: Floats


def conditional_problem(
    x: Floats, group: Ints, event: NDArray[np.bool_], weight: Floats
) -> ConditionalProblem:
    """Sort the groups by their numbers of rows and events.

    Parameters
    ----------
    x : (n, p) array
    group : (n,) integer array
        0..G-1, each with rows of both outcomes.
    event : (n,) boolean array
    weight : (G,) array
    """
    sizes, events = np.bincount(group), np.bincount(group, event).astype(np.int64)
    order = np.argsort(group, kind="stable")
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    kinds = []
    for m, k in np.unique(np.column_stack([sizes, events]), axis=0):
        groups = np.flatnonzero((sizes == m) & (events == k))
        rows = order[first[groups][:, None] + np.arange(m)]
        turned = 2 * k > m
        sign = -1.0 if turned else 1.0
        chosen = event[rows] != turned
        total = sign * np.einsum("gm,gmp->gp", chosen.astype(float), x[rows])
        kinds.append(Kind(sign * x[rows], total, int(m - k if turned else k), groups))
    return ConditionalProblem(tuple(kinds), weight)


def subset(problem: ConditionalProblem, keep: NDArray[np.bool_]) -> ConditionalProblem:
    """The problem of some of the groups, (G,) flags."""
    number = np.cumsum(keep) - 1
    kinds = [(kind, keep[kind.groups]) for kind in problem.kinds]
    return ConditionalProblem(
        tuple(
            Kind(kind.x[own], kind.total[own], kind.size, number[kind.groups[own]])
            for kind, own in kinds
            if own.any()
        ),
        problem.weight[keep],
    )


def log_likelihood(beta: Floats, problem: ConditionalProblem) -> float:
    """Conditional log-likelihood."""
    value = 0.0
    for kind in problem.kinds:
        logs, _ = _forward(kind.x @ beta, kind.size, keep=False)
        value += float(problem.weight[kind.groups] @ (kind.total @ beta - logs))
    return value


def evaluate(beta: Floats, problem: ConditionalProblem) -> Evaluation:
    r"""Conditional log-likelihood, score and (observed, which is expected) information.

    Notes
    -----
    With :math:`d_{ij} = x_i + E_{i-1,j-1} - E_{i-1,j}`, by how much taking row i moves the expected sum of the
    chosen, the information of a group is :math:`\sum_{ij} P_{ij} \rho_{ij} (1 - \rho_{ij}) d_{ij} d_{ij}'`,
    :math:`P_{ij}` being the probability that j of the first i rows are chosen: m k outer products.
    """
    p = len(beta)
    loglik, gradient, information = 0.0, np.zeros(p), np.zeros((p, p))
    for kind in _portions(problem):
        weight = problem.weight[kind.groups]
        logs, shares = _forward(kind.x @ beta, kind.size, keep=True)
        visits = _backward(shares, kind.size)
        expected, spread = _moments(kind, shares, visits * weight)
        loglik += float(weight @ (kind.total @ beta - logs))
        gradient += weight @ (kind.total - expected)
        information += spread
    return Evaluation(loglik, gradient, (information + information.T) / 2)


def scores(beta: Floats, problem: ConditionalProblem) -> Floats:
    """Score of each group, (G, p); their sum is the gradient."""
    out = np.empty((len(problem.weight), len(beta)))
    for kind in _portions(problem):
        _, shares = _forward(kind.x @ beta, kind.size, keep=True)
        expected, _ = _moments(kind, shares, None)
        out[kind.groups] = problem.weight[kind.groups, None] * (kind.total - expected)
    return out


def _portions(problem: ConditionalProblem) -> Iterator[Kind]:
    """The kinds in pieces that fit the memory set aside."""
    for kind in problem.kinds:
        step = max(1, _STATES // ((kind.size + 1) * (kind.x.shape[1] + kind.x.shape[2])))
        for low in range(0, len(kind.groups), step):
            here = slice(low, low + step)
            yield Kind(kind.x[here], kind.total[here], kind.size, kind.groups[here])


def _forward(eta: Floats, size: int, *, keep: bool) -> tuple[Floats, Floats]:
    """Logarithm of e_k, (g,), and the probabilities rho of taking row i as the j-th, (m, g, k), if kept.

    Only states from which exactly k can still be reached, or from which they came, are filled.
    """
    g, m = eta.shape
    logs = np.full((g, size + 1), -np.inf)
    logs[:, 0] = 0.0
    shares = np.zeros((m, g, size)) if keep else np.empty((0, g, size))
    for i in range(m):
        low, high = _reach(i, m, size)
        taken = eta[:, i, None] + logs[:, low - 1 : high]
        grown = np.logaddexp(logs[:, low : high + 1], taken)
        if keep:
            shares[i, :, low - 1 : high] = np.exp(taken - grown)
        logs[:, low : high + 1] = grown
    return logs[:, size], shares


def _reach(i: int, m: int, size: int) -> tuple[int, int]:
    """Fewest and most rows, at least one, that can be chosen among the first i + 1 of m on the way to k."""
    return max(1, size - (m - i - 1)), min(i + 1, size)


def _backward(shares: Floats, size: int) -> Floats:
    """Weights P rho (1 - rho) of every state, (k, m, g): the last axis is that of the groups."""
    m, g, _ = shares.shape
    visit = np.zeros((g, size + 1))
    visit[:, size] = 1.0
    out = np.zeros((m, g, size))
    for i in range(m - 1, -1, -1):
        taken = visit[:, 1:] * shares[i]
        out[i] = taken * (1.0 - shares[i])
        visit[:, 1:] -= taken
        visit[:, :-1] += taken
    return out.transpose(2, 0, 1)


def _moments(kind: Kind, shares: Floats, visits: Floats | None) -> tuple[Floats, Floats]:
    """Expected sum of the chosen rows' covariates, (g, p), and its weighted variance summed over groups, (p, p)."""
    g, m, p = kind.x.shape
    mean, spread = np.zeros((g, kind.size + 1, p)), np.zeros((p, p))
    for i in range(m):
        low, high = _reach(i, m, kind.size)
        move = kind.x[:, i, None, :] + mean[:, low - 1 : high] - mean[:, low : high + 1]
        if visits is not None:
            flat = move.reshape(-1, p)
            spread += flat.T @ (visits[low - 1 : high, i].T.reshape(-1, 1) * flat)
        mean[:, low : high + 1] += shares[i, :, low - 1 : high, None] * move
    return mean[:, kind.size], spread
