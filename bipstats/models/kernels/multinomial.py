"""Multinomial logit: the chance of each of K levels, which is what weights for several exposures are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from bipstats.models.kernels.newton import Evaluation, Optimum, maximise

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MultinomialProblem:
    """Rows that chose one of K levels.

    Attributes
    ----------
    x : (n, p) array
        With the column of ones, if there is to be one.
    choice : (n,) integer array
        Codes 0..K-1; level 0 is the reference.
    weight : (n,) array
    n_levels : int
    """

    x: Floats
    choice: Ints
    weight: Floats
    n_levels: int


def fit(problem: MultinomialProblem) -> Optimum:
    """Maximise the likelihood from zero, where all levels are equally likely; raises `NoMaximum`."""
    start = np.zeros((problem.n_levels - 1) * problem.x.shape[1])
    return maximise(lambda b: evaluate(b, problem), lambda b: log_likelihood(b, problem), start)


def probabilities(params: Floats, x: Floats) -> Floats:
    """Chance of each level, (n, K).

    Parameters
    ----------
    params : ((K - 1) p,) array
        Level by level, those against level 0.
    x : (n, p) array
    """
    return np.exp(_log_probabilities(params, x))


def _log_probabilities(params: Floats, x: Floats) -> Floats:
    eta = np.hstack([np.zeros((len(x), 1)), x @ params.reshape(-1, x.shape[1]).T])
    return np.asarray(eta - logsumexp(eta, axis=1, keepdims=True))


def log_likelihood(params: Floats, problem: MultinomialProblem) -> float:
    """Log-likelihood: the sum over rows of the weighted log-chance of the level chosen."""
    logs = _log_probabilities(params, problem.x)
    return float(problem.weight @ logs[np.arange(len(logs)), problem.choice])


def evaluate(params: Floats, problem: MultinomialProblem) -> Evaluation:
    r"""Log-likelihood, gradient and information.

    Notes
    -----
    With chances :math:`e_{ik}` and weights w, the gradient's part of level j is
    :math:`\sum_i w_i (1\{A_i = j\} - e_{ij}) x_i` and the information's block (j, l) is
    :math:`\sum_i w_i e_{ij} (1\{j = l\} - e_{il}) x_i x_i'`; observed and expected are the same.
    """
    x, weight = problem.x, problem.weight
    logs = _log_probabilities(params, x)
    rows = np.arange(len(x))
    chance = np.exp(logs[:, 1:])
    taken = (problem.choice[:, None] == np.arange(1, problem.n_levels)) - chance
    gradient = (weight[:, None] * taken).T @ x
    size, p = chance.shape[1], x.shape[1]
    information = np.empty((size, p, size, p))
    for j in range(size):
        for k in range(j + 1):
            curvature = weight * chance[:, j] * ((j == k) - chance[:, k])
            information[j, :, k] = x.T @ (curvature[:, None] * x)
            information[k, :, j] = information[j, :, k].T
    loglik = float(weight @ logs[rows, problem.choice])
    return Evaluation(loglik, gradient.ravel(), information.reshape(size * p, size * p))


def scores(params: Floats, problem: MultinomialProblem) -> Floats:
    """Gradient row by row, (n, (K - 1) p)."""
    chance = probabilities(params, problem.x)[:, 1:]
    taken = (problem.choice[:, None] == np.arange(1, problem.n_levels)) - chance
    n = len(problem.x)
    return ((problem.weight[:, None] * taken)[:, :, None] * problem.x[:, None, :]).reshape(n, -1)
